import { DTYPES, type DType, itemSize } from '../../checkpoint/dtype'
import { isCallOf, PyGlobal, PyObject, PyPersistent, PyTuple, type PyValue, sequenceOf } from './value'

/** Where torch keeps values: one record of a zip, one run of bytes of a legacy stream. */
export interface TorchStorage {
  readonly key: string
  /** `bytes` for an untyped storage, whose elements only the tensors over it know. */
  readonly dtype: DType | 'bytes'
  /** Elements; bytes in an untyped storage. */
  readonly numel: number
  readonly byteLength: number
  /** `cpu`, `cuda:0`, `meta` ... where it was when it was saved. */
  readonly location: string
}

/** A tensor as a view of a storage. */
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
}

/** torch allows 64 dimensions. */
const DIMENSIONS = 64

/** Storage classes of torch 2.13 (torch/storage.py, `_dtype_to_storage_type_map`), with those of torch.cuda named alike. */
const STORAGES = new Map<string, DType | 'bytes'>([
  ['DoubleStorage', 'float64'],
  ['FloatStorage', 'float32'],
  ['HalfStorage', 'float16'],
  ['BFloat16Storage', 'bfloat16'],
  ['LongStorage', 'int64'],
  ['IntStorage', 'int32'],
  ['ShortStorage', 'int16'],
  ['CharStorage', 'int8'],
  ['ByteStorage', 'uint8'],
  ['BoolStorage', 'bool'],
  ['ComplexDoubleStorage', 'complex128'],
  ['ComplexFloatStorage', 'complex64'],
  ['QInt8Storage', 'qint8'],
  ['QUInt8Storage', 'quint8'],
  ['QInt32Storage', 'qint32'],
  ['UntypedStorage', 'bytes'],
  ['_UntypedStorage', 'bytes'],
])

/**
 * The tensor a value stands for, undefined when it stands for none or for one whose numbers make no sense (negative or
 * beyond 2^53). Parameters and subclasses give the tensor they wrap. Whether the storage is long enough is for its reader to
 * say. Source: torch 2.13.0, torch/_utils.py and torch/_tensor.py (the `_rebuild_...` functions).
 */
export function torchTensorOf(value: PyValue): TorchTensor | undefined {
  let call = value
  let requiresGrad: boolean | undefined
  // Wrappers hold wrappers in no honest file more than twice.
  for (let depth = 0; depth < 8; depth++) {
    if (!(call instanceof PyObject)) return undefined
    const name = rebuilder(call.callable)
    const args = sequenceOf(call.args) ?? []
    if (name === '_rebuild_parameter' || name === '_rebuild_parameter_with_state') {
      if (typeof args[1] === 'boolean') requiresGrad ??= args[1]
      call = args[0] ?? null
    } else if (name === '_rebuild_from_type_v2') {
      const inner = rebuilder(args[0] ?? null)
      if (inner === undefined || args[2] === undefined) return undefined
      call = new PyObject(args[0] as PyValue, args[2], 'reduce')
    } else {
      const tensor = name === undefined ? oldTensor(call) : rebuilt(name, args)
      return tensor && requiresGrad !== undefined ? { ...tensor, requiresGrad } : tensor
    }
  }
  return undefined
}

/** The storage behind a persistent id: torch's `('storage', type, key, location, numel)`, in legacy files with a sixth. */
export function torchStorageOf(value: PyValue | undefined): TorchStorage | undefined {
  const id = value instanceof PyPersistent ? sequenceOf(value.id) : undefined
  if (id === undefined || id[0] !== 'storage' || id.length < 5 || id.length > 6) return undefined
  const [, type, key, location, count] = id
  const dtype = type instanceof PyGlobal && /^torch(\.|$)/.test(type.module) ? STORAGES.get(type.name) : undefined
  const numel = sizeOf(count)
  if (dtype === undefined || numel === undefined || (typeof key !== 'string' && typeof key !== 'number'))
    return undefined
  const byteLength = numel * (dtype === 'bytes' ? 1 : itemSize(dtype))
  if (!Number.isSafeInteger(byteLength)) return undefined
  return { key: String(key), dtype, numel, byteLength, location: typeof location === 'string' ? location : '' }
}

/** The element type that a bare global such as `torch.float16` names. */
export function torchDtypeOf(value: PyValue | undefined): DType | undefined {
  if (!(value instanceof PyGlobal) || value.module !== 'torch') return undefined
  return Object.hasOwn(DTYPES, value.name) ? (value.name as DType) : undefined
}

/** The integers of a `torch.Size`, a tuple or a list. Undefined unless all are integers from 0 to 2^53. */
export function torchSizeOf(value: PyValue | undefined): number[] | undefined {
  const wrapped = isCallOf(value, 'torch', 'Size') ? sequenceOf(value.args)?.[0] : value
  const items = sequenceOf(wrapped)
  if (items === undefined || items.length > DIMENSIONS) return undefined
  const sizes: number[] = []
  for (const item of items) {
    const size = sizeOf(item)
    if (size === undefined) return undefined
    sizes.push(size)
  }
  return sizes
}

/** Name of the function of torch that would make a tensor, if `callable` is one. */
function rebuilder(callable: PyValue): string | undefined {
  if (!(callable instanceof PyGlobal) || !callable.name.startsWith('_rebuild_')) return undefined
  return ['torch._utils', 'torch._tensor', 'torch.tensor'].includes(callable.module) ? callable.name : undefined
}

function rebuilt(name: string, args: readonly PyValue[]): TorchTensor | undefined {
  switch (name) {
    case '_rebuild_tensor':
      return view(args[0], args[1], args[2], args[3], false)
    case '_rebuild_tensor_v2':
      return view(args[0], args[1], args[2], args[3], args[4] === true)
    case '_rebuild_tensor_v3':
      return view(args[0], args[1], args[2], args[3], args[4] === true, torchDtypeOf(args[6]))
    case '_rebuild_qtensor':
      return view(args[0], args[1], args[2], args[3], args[5] === true)
    case '_rebuild_meta_tensor_no_storage':
      return withoutData(torchDtypeOf(args[0]), args[1], args[2], args[3] === true)
    default:
      return undefined
  }
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
  const offset = sizeOf(offsetValue)
  const dims = dimensions(size, stride)
  if (storage === undefined || offset === undefined || dims === undefined) return undefined
  const dtype = typed ?? storage.dtype
  if (dtype === 'bytes') return undefined
  const shift = viewOffset(storageValue)
  if (shift === undefined) return undefined
  return { dtype, ...dims, offset: offset + shift, storage, requiresGrad, hasData: storage.location !== 'meta' }
}

function withoutData(
  dtype: DType | undefined,
  size: PyValue | undefined,
  stride: PyValue | undefined,
  requiresGrad: boolean,
): TorchTensor | undefined {
  const dims = dimensions(size, stride)
  if (dtype === undefined || dims === undefined) return undefined
  const storage = { key: '', dtype, numel: 0, byteLength: 0, location: 'meta' }
  return { dtype, ...dims, offset: 0, storage, requiresGrad, hasData: false }
}

function dimensions(
  size: PyValue | undefined,
  stride: PyValue | undefined,
): { shape: number[]; strides: number[] } | undefined {
  const shape = torchSizeOf(size)
  const strides = torchSizeOf(stride)
  if (shape === undefined || strides === undefined || shape.length !== strides.length) return undefined
  let numel = 1
  let span = 0
  for (const [i, extent] of shape.entries()) {
    numel *= extent
    span += Math.max(extent - 1, 0) * (strides[i] as number)
  }
  // 16 bytes are the widest element: byte offsets stay exact.
  return Number.isSafeInteger(numel * 16) && Number.isSafeInteger(span * 16) ? { shape, strides } : undefined
}

/** Elements that a legacy view of a storage, `(view key, offset, view size)`, begins after its root. */
function viewOffset(storage: PyValue | undefined): number | undefined {
  const view = storage instanceof PyPersistent ? sequenceOf(storage.id)?.[5] : undefined
  if (view === undefined || view === null) return 0
  return sizeOf(sequenceOf(view)?.[1])
}

function sizeOf(value: PyValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}
