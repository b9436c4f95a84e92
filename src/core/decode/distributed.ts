import type { DType } from '../checkpoint/dtype'
import { stateFields } from './pickle/state-fields'
import { torchDtypeOf, torchShapeOf, torchSizeOf } from './pickle/torch'
import { mappingOf, PyObject, type PyValue, sequenceOf } from './pickle/value'

/** One rectangular piece of a tensor. */
export interface Chunk {
  /** Index in the whole tensor of the first element. */
  readonly start: readonly number[]
  readonly shape: readonly number[]
}

export interface ChunkedTensor {
  readonly dtype: DType
  /** Of the whole tensor. */
  readonly shape: readonly number[]
  readonly requiresGrad: boolean
  readonly chunks: readonly Chunk[]
}

/** Where one item (a chunk or an object) is: a file of the folder and a range of its bytes. */
export interface Place {
  /** As the metadata has it: not yet known to lie inside the folder. */
  readonly path: string
  readonly offset: number
  readonly length: number
  /** What the bytes went through after they were serialised, such as `stream.zstd/1`. */
  readonly transforms: readonly string[]
}

export interface DistributedMetadata {
  /** By flat name; `undefined` for what is pickled whole. */
  readonly entries: ReadonlyMap<string, ChunkedTensor | undefined>
  /** Where a name stands in the nested state dict. None for planners that flatten nothing. */
  readonly paths: ReadonlyMap<string, readonly (string | number)[]>
  /** The place of an object, or of the chunk that begins at `start`. */
  place(name: string, start?: readonly number[]): Place | undefined
  /** Names whose entry makes no sense. */
  readonly unread: readonly string[]
}

/**
 * The `.metadata` of torch.distributed.checkpoint, a pickled `Metadata`: `state_dict_metadata` (flat name -> what it is),
 * `storage_data` (MetadataIndex -> _StorageInfo), `planner_data` (flat name -> path). Undefined when `value` is none.
 * Source: torch 2.13.0, torch/distributed/checkpoint/metadata.py, filesystem.py and default_planner.py.
 */
export function distributedMetadata(value: PyValue | undefined): DistributedMetadata | undefined {
  const fields = fieldsOf(value)
  const described = mappingOf(fields?.get('state_dict_metadata'))
  const stored = mappingOf(fields?.get('storage_data'))
  if (!described || !stored) return undefined
  const places = new Map<string, Place>()
  for (const [index, info] of stored) {
    const key = indexKey(fieldsOf(index))
    const place = placeOf(fieldsOf(info))
    if (key !== undefined && place) places.set(key, place)
  }
  const entries = new Map<string, ChunkedTensor | undefined>()
  const unread: string[] = []
  for (const [name, description] of described) {
    if (typeof name !== 'string') continue
    const own = fieldsOf(description)
    // BytesStorageMetadata has no fields.
    const tensor = own?.has('chunks') ? tensorOf(own) : undefined
    if (own?.has('chunks') && !tensor) unread.push(name)
    else entries.set(name, tensor)
  }
  const place = (name: string, start?: readonly number[]) => places.get(start ? `${name}\0${start.join()}` : name)
  return { entries, paths: pathsOf(mappingOf(fields?.get('planner_data'))), place, unread }
}

function fieldsOf(value: PyValue | undefined): ReadonlyMap<PyValue, PyValue> | undefined {
  return value instanceof PyObject ? stateFields(value.state) : undefined
}

function indexKey(fields: ReadonlyMap<PyValue, PyValue> | undefined): string | undefined {
  const name = fields?.get('fqn')
  if (typeof name !== 'string') return undefined
  const offset = fields?.get('offset') ?? null
  if (offset === null) return name
  const start = torchSizeOf(offset)
  return start && `${name}\0${start.join()}`
}

function placeOf(fields: ReadonlyMap<PyValue, PyValue> | undefined): Place | undefined {
  const path = fields?.get('relative_path')
  const offset = fields?.get('offset')
  const length = fields?.get('length')
  if (typeof path !== 'string' || typeof offset !== 'number' || typeof length !== 'number') return undefined
  if (offset < 0 || length < 0) return undefined
  const transforms = (sequenceOf(fields?.get('transform_descriptors')) ?? []).filter((each) => typeof each === 'string')
  return { path, offset, length, transforms }
}

function tensorOf(fields: ReadonlyMap<PyValue, PyValue>): ChunkedTensor | undefined {
  const shape = torchShapeOf(fields.get('size'))
  // TensorProperties is pickled as (dtype, layout, requires_grad, memory format, pin_memory).
  const properties = fields.get('properties')
  const [dtypeValue, , requiresGrad] =
    properties instanceof PyObject ? (sequenceOf(properties.state) ?? [fieldsOf(properties)?.get('dtype')]) : []
  const dtype = torchDtypeOf(dtypeValue)
  const list = sequenceOf(fields.get('chunks'))
  if (!shape || !dtype || !list) return undefined
  const chunks: Chunk[] = []
  for (const each of list) {
    const chunk = fieldsOf(each)
    const start = torchSizeOf(chunk?.get('offsets'))
    const extent = torchSizeOf(chunk?.get('sizes'))
    if (!start || !extent) return undefined
    chunks.push({ start, shape: extent })
  }
  return { dtype, shape, requiresGrad: requiresGrad === true, chunks }
}

/** Keys in a path; torch nests no deeper than the state dict does. */
const DEEPEST = 64

function pathsOf(planned: ReadonlyMap<PyValue, PyValue> | undefined): Map<string, (string | number)[]> {
  const paths = new Map<string, (string | number)[]>()
  for (const [name, value] of planned ?? []) {
    const path = sequenceOf(value)?.filter((key) => typeof key === 'string' || typeof key === 'number')
    if (typeof name === 'string' && path && path.length > 0 && path.length <= DEEPEST) paths.set(name, path)
  }
  return paths
}
