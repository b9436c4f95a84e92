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
 * distributed/tensor/_utils.py, `compute_local_shape_and_global_offset`). FSDP2 above tensor parallelism cuts the parts of that, which
 * stand behind it in the mesh: its `_StridedShard` says into how many (distributed/tensor/placement_types.py). No start for
 * other placements.
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
  const cuts = cutsOf(placements, sizes, coordinate)
  if (!cuts || cuts.some(({ dim }) => dim >= shape.length)) return { processes }
  const start = shape.map(() => 0)
  const left = [...shape]
  for (const { dim, size, at } of cuts) {
    const rest = left[dim] as number
    const share = Math.ceil(rest / size)
    const before = Math.min(share * at, rest)
    start[dim] = (start[dim] as number) + before
    left[dim] = Math.min(share, rest - before)
  }
  return { start, processes }
}

/** One dimension of a mesh that cuts dimension `dim` of a tensor into `size` parts, of which the piece has number `at`. */
interface Cut {
  readonly mesh: number
  readonly dim: number
  readonly size: number
  readonly at: number
}

/** The cuts in the order in which they were made; undefined where a placement is another, or does not go with those behind it. */
function cutsOf(
  placements: readonly PyValue[],
  sizes: readonly number[],
  coordinate: readonly number[],
): readonly Cut[] | undefined {
  const cuts: Cut[] = []
  const strided: (Cut & { readonly parts: number | undefined })[] = []
  for (const [mesh, placement] of placements.entries()) {
    const name = placement instanceof PyObject && placement.callable instanceof PyGlobal ? placement.callable.name : ''
    if (name === 'Replicate') continue
    const fields = fieldsOf(placement)
    const dim = naturalOf(fields?.get('dim') ?? null)
    if (dim === undefined) return undefined
    const cut = { mesh, dim, size: sizes[mesh] as number, at: coordinate[mesh] as number }
    if (name === 'Shard') cuts.push(cut)
    else if (name === '_StridedShard') strided.push({ ...cut, parts: naturalOf(fields?.get('split_factor') ?? null) })
    else return undefined
  }
  for (const { parts, ...cut } of strided.reverse()) {
    const behind = cuts.filter(({ mesh, dim }) => mesh > cut.mesh && dim === cut.dim)
    if (behind.reduce((product, { size }) => product * size, 1) !== parts) return undefined
    cuts.push(cut)
  }
  return cuts
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
