import { stateFields } from './state-fields'
import { torchSizeOf } from './torch-size'
import { naturalOf } from './torch-storage'
import { isCallOf, mappingOf, PyGlobal, PyObject, type PyValue, sequenceOf } from './value'

/** What the whole is of which one process saved a piece. */
export interface Whole {
  readonly shape: readonly number[]
  /** Index in the whole of the piece's first element, where that is told. */
  readonly start?: readonly number[]
  /** Number of processes that keep pieces, where that is told. */
  readonly processes?: number
}

/** The piece of a tensor that one process keeps. */
export interface TorchPiece {
  /** The tensor that is the piece; undefined where the process keeps nothing. */
  readonly local: PyValue | undefined
  readonly whole: Whole
}

/**
 * The piece in a subclass made by `_rebuild_from_type_v2(_rebuild_wrapper_subclass, type, (type, dtype, size, ...), state)`:
 * of a DTensor the `_local_tensor`, which lies where its mesh and placements say; of a ShardedTensor the only shard. Undefined
 * for any other subclass, and for a process that keeps several shards. Source: torch 2.13, torch/_utils.py, distributed/tensor/_api.py.
 */
export function pieceOf(type: PyValue | undefined, args: PyValue | undefined, state: PyValue): TorchPiece | undefined {
  if (type instanceof PyGlobal && type.module === SHARDED && type.name === 'ShardedTensor') return shardedPiece(state)
  const fields = stateFields(state)
  const local = fields?.get('_local_tensor')
  const shape = torchSizeOf(sequenceOf(args)?.[2])
  if (local === undefined || shape === undefined) return undefined
  return { local, whole: { shape, ...placed(fields?.get('_spec'), shape) } }
}

const SHARDED = 'torch.distributed._shard.sharded_tensor.api'

export function isShardedTensor(value: PyValue): value is PyObject {
  return isCallOf(value, SHARDED, 'ShardedTensor')
}

/**
 * The one shard of a ShardedTensor, whose state is ([Shard{tensor, metadata{shard_offsets}}], metadata{size}, processes, ...)
 * (torch 2.13, torch/distributed/_shard/sharded_tensor/api.py, `__getstate__`).
 */
export function shardedPiece(state: PyValue | undefined): TorchPiece | undefined {
  const [shards, metadata, group] = sequenceOf(state) ?? []
  const [shard, more] = sequenceOf(shards) ?? []
  const shape = torchSizeOf(fieldsOf(metadata)?.get('size'))
  if (shape === undefined || more !== undefined || sequenceOf(shards) === undefined) return undefined
  const processes = naturalOf(fieldsOf(group)?.get('global_world_size') ?? null)
  const whole = { shape, ...(processes !== undefined && { processes }) }
  if (shard === undefined) return { local: undefined, whole }
  const fields = fieldsOf(shard)
  const local = fields?.get('tensor')
  const start = torchSizeOf(fieldsOf(fields?.get('metadata'))?.get('shard_offsets'))
  return local === undefined ? undefined : { local, whole: { ...whole, ...(start && { start }) } }
}

/**
 * Where the local piece of a DTensor begins: each dimension of the mesh that shards a dimension of the tensor cuts what those before
 * have left of it as torch.chunk does, into ceil(rest / processes) and a smaller last part or none (torch 2.13,
 * distributed/tensor/_utils.py, `compute_local_shape_and_global_offset`). No start for other placements, such as those of
 * tensor parallelism below FSDP (`_StridedShard`).
 */
function placed(spec: PyValue | undefined, shape: readonly number[]): Omit<Whole, 'shape'> {
  const fields = fieldsOf(spec)
  const mesh = fieldsOf(fields?.get('mesh'))
  const sizes = meshSizes(mesh)
  if (sizes === undefined) return {}
  const processes = sizes.reduce((product, size) => product * size, 1)
  const coordinate = torchSizeOf(mesh?.get('_coordinate_on_dim'))
  const placements = sequenceOf(fields?.get('placements'))
  if (coordinate?.length !== sizes.length || placements?.length !== sizes.length) return { processes }
  const start = shape.map(() => 0)
  const left = [...shape]
  for (const [i, placement] of placements.entries()) {
    const name = placement instanceof PyObject && placement.callable instanceof PyGlobal ? placement.callable.name : ''
    if (name === 'Replicate') continue
    const dim = naturalOf(fieldsOf(placement)?.get('dim') ?? null)
    const rest = dim === undefined ? undefined : left[dim]
    if (name !== 'Shard' || dim === undefined || rest === undefined) return { processes }
    const share = Math.ceil(rest / (sizes[i] as number))
    const before = Math.min(share * (coordinate[i] as number), rest)
    start[dim] = (start[dim] as number) + before
    left[dim] = Math.min(share, rest - before)
  }
  return { start, processes }
}

/** Processes along each dimension of a DeviceMesh: in its layout (torch 2.13), formerly the shape of its tensor `mesh`. */
function meshSizes(mesh: ReadonlyMap<PyValue, PyValue> | undefined): number[] | undefined {
  const axes = sequenceOf(fieldsOf(mesh?.get('_layout'))?.get('axes'))
  if (axes === undefined) {
    const tensor = mesh?.get('mesh')
    return tensor instanceof PyObject ? torchSizeOf(sequenceOf(tensor.args)?.[2]) : undefined
  }
  const sizes = axes.map((axis) => torchSizeOf(fieldsOf(axis)?.get('shape'))?.reduce((a, b) => a * b, 1) ?? 0)
  return sizes.every((size) => size > 0) ? sizes : undefined
}

function fieldsOf(value: PyValue | undefined): ReadonlyMap<PyValue, PyValue> | undefined {
  return value instanceof PyObject ? (stateFields(value.state) ?? mappingOf(value)) : undefined
}
