import type { DType } from '../checkpoint/dtype'
import { stateFields } from './pickle/state-fields'
import { torchDtypeOf, torchShapeOf, torchSizeOf } from './pickle/torch'
import { mappingOf, PyObject, type PyValue, sequenceOf } from './pickle/value'
import { sharedShapes } from './shared-shapes'

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
 * Reads the `.metadata` of torch.distributed.checkpoint, a pickled `Metadata`: `state_dict_metadata` (flat name -> what it is),
 * `storage_data` (MetadataIndex -> _StorageInfo), `planner_data` (flat name -> path). A model of many experts has a million
 * objects in it, so each is taken for what it says as soon as it is decoded, and its fields are let go.
 * Source: torch 2.13.0, torch/distributed/checkpoint/metadata.py, filesystem.py and default_planner.py.
 */
export class MetadataReader {
  private readonly chunks = new Map<PyObject, Chunk>()
  private readonly tensors = new Map<PyObject, ChunkedTensor | undefined>()
  private readonly indices = new Map<PyObject, Index>()
  private readonly places = new Map<PyObject, Place>()
  private readonly shared = sharedShapes()

  /** To be told of every object of the pickle when its state has been set. */
  readonly onBuilt = (object: PyObject): void => {
    const fields = fieldsOf(object)
    if (!fields) return
    if (fields.has('offsets')) keep(this.chunks, object, this.chunkOf(fields))
    else if (fields.has('fqn')) keep(this.indices, object, indexOf(fields))
    else if (fields.has('relative_path')) keep(this.places, object, placeOf(fields))
    else if (fields.has('chunks')) {
      this.tensors.set(object, this.tensorOf(fields))
      object.state = undefined
    }
  }

  /** What the pickle says as a whole; undefined when it is no `Metadata`. */
  read(value: PyValue | undefined): DistributedMetadata | undefined {
    const fields = fieldsOf(value)
    const described = mappingOf(fields?.get('state_dict_metadata'))
    const stored = mappingOf(fields?.get('storage_data'))
    if (!described || !stored) return undefined
    const places = new Places()
    for (const [index, info] of stored) {
      const item = index instanceof PyObject ? this.indices.get(index) : undefined
      const place = info instanceof PyObject ? this.places.get(info) : undefined
      if (item && place) places.add(item, place)
    }
    const entries = new Map<string, ChunkedTensor | undefined>()
    const unread: string[] = []
    for (const [name, description] of described) {
      if (typeof name !== 'string') continue
      // BytesStorageMetadata has no fields.
      const isTensor = description instanceof PyObject && this.tensors.has(description)
      const tensor = isTensor ? this.tensors.get(description) : undefined
      if (isTensor && !tensor) unread.push(name)
      else entries.set(name, tensor)
    }
    const place = (name: string, start?: readonly number[]) => places.of({ name, start })
    return { entries, paths: pathsOf(mappingOf(fields?.get('planner_data'))), place, unread }
  }

  private chunkOf(fields: ReadonlyMap<PyValue, PyValue>): Chunk | undefined {
    const start = torchSizeOf(fields.get('offsets'))
    const shape = torchSizeOf(fields.get('sizes'))
    return start && shape && { start: this.shared(start), shape: this.shared(shape) }
  }

  private tensorOf(fields: ReadonlyMap<PyValue, PyValue>): ChunkedTensor | undefined {
    const shape = torchShapeOf(fields.get('size'))
    // TensorProperties is pickled as (dtype, layout, requires_grad, memory format, pin_memory).
    const properties = fields.get('properties')
    const [dtypeValue, , requiresGrad] =
      properties instanceof PyObject ? (sequenceOf(properties.state) ?? [fieldsOf(properties)?.get('dtype')]) : []
    const dtype = torchDtypeOf(dtypeValue)
    const list = sequenceOf(fields.get('chunks'))
    if (!shape || !dtype || !list) return undefined
    const chunks = list.map((each) => (each instanceof PyObject ? this.chunks.get(each) : undefined))
    if (!chunks.every((chunk) => chunk !== undefined)) return undefined
    return { dtype, shape: this.shared(shape), requiresGrad: requiresGrad === true, chunks }
  }
}

function keep<T>(known: Map<PyObject, T>, object: PyObject, read: T | undefined): void {
  if (read === undefined) return
  known.set(object, read)
  object.state = undefined
}

function fieldsOf(value: PyValue | undefined): ReadonlyMap<PyValue, PyValue> | undefined {
  return value instanceof PyObject ? stateFields(value.state) : undefined
}

/** What an item is called, and where in its tensor it begins if it is a chunk. */
interface Index {
  readonly name: string
  readonly start: readonly number[] | undefined
}

function indexOf(fields: ReadonlyMap<PyValue, PyValue>): Index | undefined {
  const name = fields.get('fqn')
  if (typeof name !== 'string') return undefined
  const offset = fields.get('offset') ?? null
  if (offset === null) return { name, start: undefined }
  const start = torchSizeOf(offset)
  return start && { name, start }
}

/** The places of items. Most tensors have one chunk, and are found by their names alone. */
class Places {
  private readonly first = new Map<string, { readonly index: Index; place: Place }>()
  private readonly others = new Map<string, Place>()

  /** Where an item is given twice, the second place counts. */
  add(index: Index, place: Place): void {
    const known = this.first.get(index.name)
    if (!known) this.first.set(index.name, { index, place })
    else if (startsAlike(known.index, index)) known.place = place
    else this.others.set(textOf(index), place)
  }

  of(index: Index): Place | undefined {
    const known = this.first.get(index.name)
    return known && startsAlike(known.index, index) ? known.place : this.others.get(textOf(index))
  }
}

function startsAlike({ start: a }: Index, { start: b }: Index): boolean {
  return a && b ? a.length === b.length && a.every((at, i) => at === b[i]) : a === b
}

function textOf({ name, start }: Index): string {
  return start ? `${name}\0${start.join()}` : name
}

const UNTRANSFORMED: readonly string[] = []

function placeOf(fields: ReadonlyMap<PyValue, PyValue>): Place | undefined {
  const path = fields.get('relative_path')
  const offset = fields.get('offset')
  const length = fields.get('length')
  if (typeof path !== 'string' || typeof offset !== 'number' || typeof length !== 'number') return undefined
  if (offset < 0 || length < 0) return undefined
  const listed = sequenceOf(fields.get('transform_descriptors'))
  const transforms = listed ? listed.filter((each) => typeof each === 'string') : UNTRANSFORMED
  return { path, offset, length, transforms }
}

/** Keys in a path; torch nests no deeper than the state dict does. */
const DEEPEST = 64

function pathsOf(planned: ReadonlyMap<PyValue, PyValue> | undefined): Map<string, readonly (string | number)[]> {
  const paths = new Map<string, readonly (string | number)[]>()
  for (const [name, value] of planned ?? []) {
    const path = sequenceOf(value)
    const isPath = path?.every((key) => typeof key === 'string' || typeof key === 'number')
    if (typeof name === 'string' && isPath && path.length > 0 && path.length <= DEEPEST) paths.set(name, path)
  }
  return paths
}
