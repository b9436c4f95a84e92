import { DTYPES, type DType } from '../../checkpoint/dtype'
import { isShardedTensor, pieceOf, shardedPiece, type Whole } from './torch-piece'
import { torchSizeOf } from './torch-size'
import { naturalOf, type TorchStorage, torchStorageOf, viewOffset } from './torch-storage'
import { PyDict, PyFloat, PyGlobal, PyObject, PyPersistent, PyTuple, type PyValue, sequenceOf } from './value'

/** A tensor as a view of a storage, and what else must be known to make its values. */
export interface TorchTensor {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** In elements. */
  readonly strides: readonly number[]
  /** Elements of the storage before the first value. */
  readonly offset: number
  readonly storage: TorchStorage
  readonly requiresGrad: boolean
  /** False for a tensor on the meta device, which never had values. */
  readonly hasData: boolean
  /** Set where the values are sparse: `shape` is that of the dense tensor, `storage` and `strides` say nothing. */
  readonly sparse?: SparseParts
  /** Set where the values are the integers of a quantized tensor: how they become numbers. */
  readonly quantized?: string
  /** The imaginary halves, or all values, are to be negated: torch only notes it until someone needs them. */
  readonly conjugate?: boolean
  readonly negate?: boolean
  /** Set where the values are one process's piece of a larger tensor. */
  readonly whole?: Whole
}

/** The tensors a sparse one is made of. In the compressed layouts `compressed` counts rows (or columns) up. */
export interface SparseParts {
  readonly layout: SparseLayout
  /** int64 [sparse dimensions, entries] of COO; the plain indices of the others. */
  readonly indices: TorchTensor
  readonly compressed?: TorchTensor
  readonly values: TorchTensor
}

export const SPARSE_LAYOUTS = ['sparse_coo', 'sparse_csr', 'sparse_csc', 'sparse_bsr', 'sparse_bsc'] as const
export type SparseLayout = (typeof SPARSE_LAYOUTS)[number]

/** Wrappers hold wrappers in no honest file more than twice. */
const WRAPPERS = 8

/**
 * The tensor a value stands for, undefined when it stands for none or for one whose numbers make no sense (negative or
 * beyond 2^53). Parameters and subclasses give the tensor they wrap, a DTensor or ShardedTensor the local piece. Whether the
 * storage is long enough is for its reader to say. Source: torch 2.13.0, torch/_utils.py and torch/_tensor.py (the
 * `_rebuild_...` functions).
 */
export function torchTensorOf(value: PyValue): TorchTensor | undefined {
  let call: PyValue = value
  let requiresGrad: boolean | undefined
  let whole: TorchTensor['whole']
  for (let depth = 0; depth < WRAPPERS; depth++) {
    if (call instanceof PyPersistent) call = call.refersTo ?? null
    if (!(call instanceof PyObject)) return undefined
    const name = rebuilder(call.callable)
    const args = sequenceOf(call.args) ?? []
    if (name === '_rebuild_parameter' || name === '_rebuild_parameter_with_state') {
      if (typeof args[1] === 'boolean') requiresGrad ??= args[1]
      call = args[0] ?? null
    } else if (name === '_rebuild_device_tensor_from_cpu_tensor') {
      if (typeof args[3] === 'boolean') requiresGrad ??= args[3]
      call = args[0] ?? null
    } else if (name === '_rebuild_from_type_v2') {
      const inner = rebuilder(args[0] ?? null)
      if (inner === undefined || args[2] === undefined) return undefined
      const piece = inner === '_rebuild_wrapper_subclass' ? pieceOf(args[1], args[2], args[3] ?? null) : undefined
      if (piece === undefined) call = new PyObject(args[0] as PyValue, args[2], 'reduce')
      else {
        const [, dtype, , , , , , flag] = sequenceOf(args[2]) ?? []
        if (piece.local === undefined) return nothingOf(piece.whole, torchDtypeOf(dtype))
        whole = piece.whole
        if (typeof flag === 'boolean') requiresGrad ??= flag
        call = piece.local
      }
    } else if (name === undefined && isVariable(call)) {
      const [flag] = sequenceOf(call.state) ?? []
      if (typeof flag === 'boolean') requiresGrad ??= flag
      call = args[0] ?? null
    } else if (name === undefined && isShardedTensor(call)) {
      const piece = shardedPiece(call.state)
      if (piece?.local === undefined) return undefined
      whole = piece.whole
      call = piece.local
    } else {
      const tensor = name === undefined ? oldTensor(call) : rebuilt(name, args)
      return tensor && completed(tensor, requiresGrad, whole)
    }
  }
  return undefined
}

/** The element type that a bare global such as `torch.float16` names. */
export function torchDtypeOf(value: PyValue | undefined): DType | undefined {
  if (!(value instanceof PyGlobal) || value.module !== 'torch') return undefined
  return Object.hasOwn(DTYPES, value.name) ? (value.name as DType) : undefined
}

function completed(tensor: TorchTensor, requiresGrad: boolean | undefined, whole: TorchTensor['whole']): TorchTensor {
  const cut = whole && !sameSizes(whole.shape, tensor.shape) ? whole : undefined
  if (requiresGrad === undefined && cut === undefined) return tensor
  return { ...tensor, ...(requiresGrad !== undefined && { requiresGrad }), ...(cut && { whole: cut }) }
}

/** The piece of a process that keeps none: of the whole's shape but for the first dimension, which is cut. */
function nothingOf(whole: Whole, dtype: DType | undefined): TorchTensor | undefined {
  if (dtype === undefined || whole.shape.length === 0) return undefined
  const shape = whole.shape.with(0, 0)
  const storage = { key: '', dtype, numel: 0, byteLength: 0, location: 'cpu' }
  return { dtype, shape, strides: rowMajor(shape), offset: 0, storage, requiresGrad: false, hasData: false, whole }
}

function sameSizes(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i])
}

/** Name of the function of torch that would make a tensor, if `callable` is one. */
function rebuilder(callable: PyValue): string | undefined {
  if (!(callable instanceof PyGlobal) || !callable.name.startsWith('_rebuild_')) return undefined
  const { module } = callable
  return module === 'torch._utils' || module === 'torch._tensor' || module === 'torch.tensor'
    ? callable.name
    : undefined
}

/** torch 0.1 to 0.3: `Parameter(tensor)` with the state (requires_grad, volatile, hooks). */
function isVariable({ callable, args }: PyObject): boolean {
  if (!(callable instanceof PyGlobal) || sequenceOf(args)?.length !== 1) return false
  return callable.path === 'torch.nn.parameter.Parameter' || callable.path === 'torch.autograd.variable.Variable'
}

function rebuilt(name: string, args: readonly PyValue[]): TorchTensor | undefined {
  switch (name) {
    case '_rebuild_tensor':
      return view(args[0], args[1], args[2], args[3], false)
    case '_rebuild_tensor_v2':
      return withSigns(view(args[0], args[1], args[2], args[3], args[4] === true), args[6])
    case '_rebuild_tensor_v3':
      return withSigns(view(args[0], args[1], args[2], args[3], args[4] === true, torchDtypeOf(args[6])), args[7])
    case '_rebuild_qtensor':
      return quantized(args)
    case '_rebuild_sparse_tensor':
      return sparse(args[0], sequenceOf(args[1]) ?? [])
    case '_rebuild_meta_tensor_no_storage':
      return withoutData(torchDtypeOf(args[0]), args[1], args[2], args[3] === true)
    default:
      return undefined
  }
}

/** Metadata of a lazy conjugate or negative, `{'conj': True, 'neg': True}` (torch/_tensor.py, `_reduce_ex_internal`). */
function withSigns(tensor: TorchTensor | undefined, metadata: PyValue | undefined): TorchTensor | undefined {
  if (tensor === undefined || !(metadata instanceof PyDict)) return tensor
  const conjugate = metadata.entries.get('conj') === true
  const negate = metadata.entries.get('neg') === true
  return { ...tensor, ...(conjugate && { conjugate }), ...(negate && { negate }) }
}

/** (storage, offset, size, stride, (qscheme, scale, zero_point) or (qscheme, scales, zero_points, axis), requires_grad, hooks). */
function quantized(args: readonly PyValue[]): TorchTensor | undefined {
  const tensor = view(args[0], args[1], args[2], args[3], args[5] === true)
  const [scheme, scale, zero, axis] = sequenceOf(args[4]) ?? []
  if (tensor === undefined) return undefined
  const name = scheme instanceof PyGlobal ? scheme.name : 'quantized'
  const factor = scale instanceof PyFloat ? scale.value : scale
  const how = typeof factor === 'number' ? `scale ${factor}, zero point ${String(zero)}` : `along axis ${String(axis)}`
  const { packed } = tensor.storage
  const note = packed === undefined ? `${name}, ${how}` : `${name}, ${how}, ${packed} values a byte`
  return { ...tensor, quantized: note, ...(packed !== undefined && { hasData: false }) }
}

/** COO: (indices, values, size, is_coalesced), formerly three; the others: (compressed, plain, values, size). */
function sparse(layout: PyValue | undefined, data: readonly PyValue[]): TorchTensor | undefined {
  const name = layout instanceof PyObject ? sequenceOf(layout.args)?.[0] : undefined
  const known = SPARSE_LAYOUTS.find((each) => `torch.${each}` === name)
  if (known === undefined) return undefined
  const coo = known === 'sparse_coo'
  const [compressed, indices, values] = (coo ? [null, data[0], data[1]] : data).map((part) =>
    torchTensorOf(part ?? null),
  )
  const dims = dimensions(data[coo ? 2 : 3])
  if (!indices || !values || !dims || (!coo && !compressed) || indices.sparse || values.sparse) return undefined
  const parts = { layout: known, indices, values, ...(compressed && { compressed }) }
  const { dtype, storage, requiresGrad, hasData } = values
  return { dtype, ...dims, offset: 0, storage, requiresGrad, hasData, sparse: parts }
}

/** torch 0.1 to 0.3: an instance of a tensor class whose state is (storage, offset, size, stride). */
function oldTensor(call: PyObject): TorchTensor | undefined {
  if (!(call.callable instanceof PyGlobal) || !/^torch(\.|$)/.test(call.callable.module)) return undefined
  if (!call.callable.name.endsWith('Tensor') || !(call.state instanceof PyTuple)) return undefined
  const [storage, offset, size, stride] = call.state.items
  return view(storage, offset, size, stride, false)
}

function view(
  storageValue: PyValue | undefined,
  offsetValue: PyValue | undefined,
  size: PyValue | undefined,
  stride: PyValue | undefined,
  requiresGrad: boolean,
  typed?: DType,
): TorchTensor | undefined {
  const storage = torchStorageOf(storageValue)
  const offset = naturalOf(offsetValue)
  const dims = stride === undefined ? undefined : dimensions(size, stride)
  if (storage === undefined || offset === undefined || dims === undefined) return undefined
  const dtype = typed ?? storage.dtype
  if (dtype === 'bytes') return undefined
  const shift = viewOffset(storageValue)
  if (shift === undefined) return undefined
  const { shape, strides } = dims
  const hasData = storage.location !== 'meta'
  return { dtype, shape, strides, offset: offset + shift, storage, requiresGrad, hasData }
}

function withoutData(
  dtype: DType | undefined,
  size: PyValue | undefined,
  stride: PyValue | undefined,
  requiresGrad: boolean,
): TorchTensor | undefined {
  const dims = stride === undefined ? undefined : dimensions(size, stride)
  if (dtype === undefined || dims === undefined) return undefined
  const storage = { key: '', dtype, numel: 0, byteLength: 0, location: 'meta' }
  return { dtype, ...dims, offset: 0, storage, requiresGrad, hasData: false }
}

/** Sizes and strides as they were saved; without strides, those of row-major order. */
export function dimensions(
  size: PyValue | undefined,
  stride?: PyValue,
): { shape: number[]; strides: number[] } | undefined {
  const shape = torchSizeOf(size)
  const strides = stride === undefined ? shape && rowMajor(shape) : torchSizeOf(stride)
  if (shape === undefined || strides === undefined || shape.length !== strides.length) return undefined
  let numel = 1
  let span = 0
  for (let i = 0; i < shape.length; i++) {
    const extent = shape[i] as number
    numel *= extent
    span += Math.max(extent - 1, 0) * (strides[i] as number)
  }
  // 16 bytes are the widest element: byte offsets stay exact.
  return Number.isSafeInteger(numel * 16) && Number.isSafeInteger(span * 16) ? { shape, strides } : undefined
}

/** The extents of a tensor, undefined where it would hold more than can be counted. */
export function torchShapeOf(size: PyValue | undefined): number[] | undefined {
  return dimensions(size)?.shape
}

/** Strides, in elements, of row-major order. */
export function rowMajor(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length)
  let step = 1
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step
    step *= Math.max(shape[i] as number, 1)
  }
  return strides
}
