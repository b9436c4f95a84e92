import type { ByteSink } from '../bytes/sink'
import type { DType } from '../checkpoint/dtype'
import { byteLength, contiguousStrides, numel } from '../checkpoint/tensor'
import { PyGlobal, PyObject, PyPersistent, PyTuple, type PyValue } from '../decode/pickle/value'
import { type OutputTensor, pour, refuseDuplicates, type WriteOptions } from './output'
import { encodePickle } from './pickle'
import { TorchArchive } from './torch-archive'

/** Storage classes of pytorch v2.13 `torch/storage.py`; a dtype without one lies in an UntypedStorage and is named itself. */
const STORAGE_CLASS: Partial<Record<DType, string>> = {
  bool: 'BoolStorage',
  uint8: 'ByteStorage',
  int8: 'CharStorage',
  int16: 'ShortStorage',
  int32: 'IntStorage',
  int64: 'LongStorage',
  float16: 'HalfStorage',
  bfloat16: 'BFloat16Storage',
  float32: 'FloatStorage',
  float64: 'DoubleStorage',
  complex64: 'ComplexFloatStorage',
  complex128: 'ComplexDoubleStorage',
}

/**
 * Writes a state dict as `torch.save` of PyTorch 2.13 does: an OrderedDict of contiguous tensors on the CPU that
 * `torch.load(weights_only=True)` accepts, also with `mmap=True`. Tensors that are one view of one storage stay tied.
 * `records` are further ones, which torch does not read.
 * Throws `target/duplicate-name` before anything is written; later `target/wrong-length`,
 * `cancelled`, and what the sources of the values throw.
 */
export async function writeTorchZip(
  sink: ByteSink,
  tensors: readonly OutputTensor[],
  options: WriteOptions = {},
  records: ReadonlyMap<string, string> = new Map(),
): Promise<void> {
  refuseDuplicates(tensors)
  const stored: OutputTensor[] = []
  const keys = new Map<string, string>()
  const dict = orderedDict()
  for (const tensor of tensors) {
    const view = viewOf(tensor)
    let key = view === undefined ? undefined : keys.get(view)
    if (key === undefined) {
      key = String(stored.length)
      if (view !== undefined) keys.set(view, key)
      stored.push(tensor)
    }
    dict.entries.set(tensor.name, tensorValue(tensor.dtype, tensor.shape, key))
  }
  const pickle = encodePickle(dict)
  const archive = new TorchArchive(sink, 'archive')
  await archive.addBytes('data.pkl', pickle)
  await archive.addBytes('.format_version', '1')
  await archive.addBytes('.storage_alignment', '64')
  await archive.addBytes('byteorder', 'little')
  const total = stored.reduce((sum, tensor) => sum + byteLength(tensor), 0)
  let done = 0
  for (const [key, tensor] of stored.entries()) {
    const onBytes = (bytes: number) => {
      done += bytes
      options.onProgress?.(done, total, tensor.name)
    }
    await archive.addPoured(`data/${key}`, byteLength(tensor), (onBlock) =>
      pour(sink, tensor, { onBytes, onBlock, ...(options.signal && { signal: options.signal }) }),
    )
  }
  await archive.addBytes('version', '3\n')
  for (const [name, text] of records) await archive.addBytes(name, text)
  await archive.finish()
}

/** A storage that a pickle refers to by its key, and the values to be put there. */
export interface Stored {
  readonly key: string
  readonly values: OutputTensor
}

/**
 * Writes any picklable value as `torch.save` of PyTorch 2.13 does, with the storages that it refers to and further records.
 * `root` is the folder inside the archive: torch names it after the file. Throws as `encodePickle` and `TorchArchive.add`.
 */
export async function writeTorchValue(
  sink: ByteSink,
  root: string,
  content: {
    readonly value: PyValue
    readonly stored: readonly Stored[]
    readonly records?: ReadonlyMap<string, string>
  },
  options: WriteOptions = {},
): Promise<void> {
  const archive = new TorchArchive(sink, root)
  await archive.addBytes('data.pkl', encodePickle(content.value))
  await archive.addBytes('.format_version', '1')
  await archive.addBytes('.storage_alignment', '64')
  await archive.addBytes('byteorder', 'little')
  for (const { key, values } of content.stored)
    await archive.addPoured(`data/${key}`, byteLength(values), (onBlock) =>
      pour(sink, values, { onBlock, ...(options.signal && { signal: options.signal }) }),
    )
  await archive.addBytes('version', '3\n')
  for (const [name, text] of content.records ?? []) await archive.addBytes(name, text)
  await archive.finish()
}

/** An empty `collections.OrderedDict`, as protocol 2 pickles it: a call without arguments, then SETITEMS. */
function orderedDict(): PyObject {
  return new PyObject(new PyGlobal('collections', 'OrderedDict'), new PyTuple([]), 'reduce')
}

/** A contiguous CPU tensor over the whole of storage `key`: `_rebuild_tensor_v2`, or `_v3` for dtypes with no storage class. */
export function tensorValue(dtype: DType, shape: readonly number[], key: string, requiresGrad = false): PyObject {
  const untyped = STORAGE_CLASS[dtype] === undefined
  const count = untyped ? byteLength({ dtype, shape }) : numel(shape)
  const storage = storageValue(untyped ? 'bytes' : dtype, key, count)
  return viewValue(storage, { dtype, offset: 0, shape, strides: contiguousStrides(shape), requiresGrad }, untyped)
}

/** The persistent id of a storage of `count` elements of a dtype that has a storage class, or of `count` bytes of an untyped one. */
export function storageValue(dtype: DType | 'bytes', key: string, count: number, location = 'cpu'): PyPersistent {
  const name = dtype === 'bytes' ? undefined : STORAGE_CLASS[dtype]
  const type = name === undefined ? new PyGlobal('torch.storage', 'UntypedStorage') : new PyGlobal('torch', name)
  return new PyPersistent(new PyTuple(['storage', type, key, location, count]))
}

/** A view of a storage, sizes and strides in elements. Over an untyped one it names its own dtype (`_rebuild_tensor_v3`). */
export function viewValue(
  storage: PyPersistent,
  view: {
    readonly dtype: DType
    readonly offset: number
    readonly shape: readonly number[]
    readonly strides: readonly number[]
    readonly requiresGrad: boolean
  },
  untyped: boolean,
): PyObject {
  const layout = [new PyTuple(view.shape), new PyTuple(view.strides)]
  const args: PyValue[] = [storage, view.offset, ...layout, view.requiresGrad, orderedDict()]
  if (untyped) args.push(new PyGlobal('torch', view.dtype))
  const rebuild = new PyGlobal('torch._utils', `_rebuild_tensor_${untyped ? 'v3' : 'v2'}`)
  return new PyObject(rebuild, new PyTuple(args), 'reduce')
}

/**
 * What two tensors have in common when they are one view of one storage and are written alike; undefined when the values are
 * not those of one strided block, and so are nobody else's.
 */
function viewOf(tensor: OutputTensor): string | undefined {
  const { from } = tensor
  const block = from?.blocks[0]
  if (!from?.storage || !block || from.blocks.length > 1) return undefined
  return JSON.stringify([
    ...[from.component, from.file, from.storage.key, block.offset, from.dtype, block.shape, block.strides],
    ...[tensor.dtype, tensor.shape],
  ])
}
