import { type DType, itemSize } from '../../checkpoint/dtype'
import { bytesOf } from './calls'
import { decodePickle } from './machine'
import { isCallOf, PyGlobal, PyObject, PyPersistent, type PyValue, sequenceOf } from './value'

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
  /** The bytes, where the pickle itself holds them. */
  readonly inline?: Uint8Array
  /** Elements of less than a byte: how many values share one, in `quint4x2` and `quint2x4`. */
  readonly packed?: number
}

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
  ['QInt8Storage', 'int8'],
  ['QUInt8Storage', 'uint8'],
  ['QInt32Storage', 'int32'],
  ['QUInt4x2Storage', 'uint8'],
  ['QUInt2x4Storage', 'uint8'],
  ['UntypedStorage', 'bytes'],
  ['_UntypedStorage', 'bytes'],
])

const PACKED = new Map([
  ['QUInt4x2Storage', 2],
  ['QUInt2x4Storage', 4],
])

/**
 * The storage behind a persistent id, torch's `('storage', type, key, location, numel)`, in legacy files with a sixth; or
 * behind `torch.storage._load_from_bytes(...)`, by which plain pickle stores one as a torch file of its own.
 * The types of quantized storages are those of their integers.
 */
export function torchStorageOf(value: PyValue | undefined): TorchStorage | undefined {
  if (value instanceof PyObject) return embeddedStorage(value)
  const id = value instanceof PyPersistent ? sequenceOf(value.id) : undefined
  if (id === undefined || id[0] !== 'storage' || id.length < 5 || id.length > 6) return undefined
  const [, type, key, location, count] = id
  const dtype = storageDtypeOf(type)
  const numel = naturalOf(count)
  if (dtype === undefined || numel === undefined || (typeof key !== 'string' && typeof key !== 'number'))
    return undefined
  const packed = type instanceof PyGlobal ? PACKED.get(type.name) : undefined
  const byteLength = packed === undefined ? numel * elementSize(dtype) : Math.ceil(numel / packed)
  if (!Number.isSafeInteger(byteLength)) return undefined
  const where = typeof location === 'string' ? location : ''
  const storage = { key: String(key), dtype, numel, byteLength, location: where }
  return packed === undefined ? storage : { ...storage, packed }
}

/** The element type of a storage class such as `torch.FloatStorage`. */
export function storageDtypeOf(type: PyValue | undefined): DType | 'bytes' | undefined {
  if (!(type instanceof PyGlobal)) return undefined
  const { module, name } = type
  return module === 'torch' || module.startsWith('torch.') ? STORAGES.get(name) : undefined
}

/** Elements that a legacy view of a storage, `(view key, offset, view size)`, begins after its root. */
export function viewOffset(storage: PyValue | undefined): number | undefined {
  const view = storage instanceof PyPersistent ? sequenceOf(storage.id)?.[5] : undefined
  if (view === undefined || view === null) return 0
  return naturalOf(sequenceOf(view)?.[1])
}

/** An integer from 0 to 2^53. */
export function naturalOf(value: PyValue | undefined): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined
}

function elementSize(dtype: DType | 'bytes'): number {
  return dtype === 'bytes' ? 1 : itemSize(dtype)
}

/** By what is loaded: a hostile file may load the same bytes a million times. */
const embedded = new WeakMap<object, TorchStorage | null>()

/** Pickles before the storages of the legacy stream: magic number, version, system info, main object, keys. */
const FRAME = 5

function embeddedStorage(call: PyObject): TorchStorage | undefined {
  if (!isCallOf(call, 'torch.storage', '_load_from_bytes')) return undefined
  const content = sequenceOf(call.args)?.[0]
  if (content === null || typeof content !== 'object') return undefined
  const known = embedded.get(content)
  const storage = known === undefined ? readEmbedded(bytesOf(content)) : known
  embedded.set(content, storage ?? null)
  return storage ?? undefined
}

/** A legacy stream whose main object is one storage (torch/storage.py, `TypedStorage.__reduce__`). */
function readEmbedded(bytes: Uint8Array | undefined): TorchStorage | undefined {
  if (bytes === undefined) return undefined
  let at = 0
  let main: PyValue | undefined
  for (let i = 0; i < FRAME; i++) {
    const pickle = decodePickle(bytes.subarray(at))
    if (pickle.error !== undefined) return undefined
    if (i === FRAME - 2) main = pickle.value
    at += pickle.end
  }
  const storage = main instanceof PyPersistent ? torchStorageOf(main) : undefined
  // An i64 count of elements, then their bytes.
  return storage && { ...storage, inline: bytes.subarray(at + 8, at + 8 + storage.byteLength) }
}
