import { type ByteSource, readBytes } from '../bytes/source'
import { itemSize } from '../checkpoint/dtype'
import { type DecodedPickle, decodePickle } from '../decode/pickle/machine'
import { torchStorageOf } from '../decode/pickle/torch'
import { mappingOf, type PyValue, sequenceOf } from '../decode/pickle/value'
import { containerOf, partsOf } from '../decode/pickle/walk'
import { AssayError } from '../errors'

/** Bytes of one storage in the stream. */
interface LegacyStorage {
  readonly offset: number
  /** Length that the stream gives it. */
  readonly byteLength: number
}

export interface LegacyFile {
  /** The main object. Globals of the pickles around it are not among its own: the writer puts none there. */
  readonly main: DecodedPickle
  readonly littleEndian: boolean
  readonly storages: ReadonlyMap<string, LegacyStorage>
  /** Keys that the stream lists but ends before. */
  readonly lost: readonly string[]
  /** Keys of storages whose count is wrong; their length is that of the main object, with which all that follows fits. */
  readonly miscounted: readonly string[]
  /** Where the stream ends although storages are to follow. */
  readonly cutAt?: number
  /** Byte offset behind the last storage. Another stream may follow: `torch.save` several times to one open file. */
  readonly end: number
}

const FIRST_WINDOW = 1 << 20
const LAST_WINDOW = 256 << 20
/** PROTO 2, LONG1 of 10 bytes, 0x1950a86a20f9469cfc6c, STOP. */
const MAGIC = [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e]

/**
 * Reads the stream that `torch.save` wrote before 1.6, and writes with `_use_new_zipfile_serialization=False`: five pickles
 * (magic number, 1001, system info, main object, list of storage keys), then for each key an i64 count of elements and their
 * bytes, without padding or checksum (torch/serialization.py `_legacy_save`, checked with 1.13 and 2.13).
 * Reads the pickles and 8 bytes a storage, from the byte offset `start` on. Throws `file/bad-header` when the frame is not there and `file/truncated`
 * when it ends before the main object does.
 */
export async function readTorchLegacy(source: ByteSource, start = 0): Promise<LegacyFile> {
  const pickles = await framePickles(source, start)
  const [, , info, main, keyList] = pickles.map(({ pickle }) => pickle)
  if (!main) {
    throw new AssayError('file/truncated', `${source.name} ends before its main object does`, {
      file: source.name,
      offset: source.size,
    })
  }
  const littleEndian = mappingOf(info?.value)?.get('little_endian') !== false
  const sizes = storageSizes(main.value)
  if (main.error || !keyList || keyList.error) {
    const nothing = { storages: new Map(), lost: [...sizes.keys()], miscounted: [] }
    return { main, littleEndian, ...nothing, cutAt: source.size, end: source.size }
  }

  const storages = new Map<string, LegacyStorage>()
  const keys = (sequenceOf(keyList.value) ?? []).filter((key): key is string => typeof key === 'string')
  const miscounted: string[] = []
  let at = pickles.at(-1)?.end ?? 0
  for (const [i, key] of keys.entries()) {
    const size = sizes.get(key)
    const count = at + 8 <= source.size ? await readCount(source, at) : undefined
    if (size === undefined && count !== undefined) {
      throw new AssayError('file/bad-header', `${source.name}: the storage ${key} is of no known type`, {
        file: source.name,
        offset: at,
      })
    }
    const stated = (count ?? 0) * (size?.element ?? 1)
    const isMiscounted =
      size !== undefined &&
      count !== undefined &&
      stated !== size.all &&
      (await fits(source, at + 8 + size.all, keys[i + 1], sizes))
    if (isMiscounted) miscounted.push(key)
    const byteLength = isMiscounted ? size.all : stated
    if (count === undefined || at + 8 + byteLength > source.size) {
      return { main, littleEndian, storages, lost: keys.slice(i), miscounted, cutAt: source.size, end: source.size }
    }
    storages.set(key, { offset: at + 8, byteLength })
    at += 8 + byteLength
  }
  return { main, littleEndian, storages, lost: [], miscounted, end: at }
}

/** Whether at `offset` the storage `next` begins with the count that it should have, or, where there is none, the stream ends. */
async function fits(
  source: ByteSource,
  offset: number,
  next: string | undefined,
  sizes: ReadonlyMap<string, StorageSize>,
): Promise<boolean> {
  if (next === undefined) return offset === source.size || isTorchLegacyAt(source, offset)
  const size = sizes.get(next)
  if (!size || offset + 8 > source.size) return false
  return (await readCount(source, offset)) * size.element === size.all
}

interface FramedPickle {
  readonly pickle: DecodedPickle
  /** Offset in the file behind it. */
  readonly end: number
}

/** Whether a stream of this form begins at `offset`: PROTO 2 and the magic number. */
export async function isTorchLegacyAt(source: ByteSource, offset: number): Promise<boolean> {
  if (offset + MAGIC.length > source.size) return false
  const head = await readBytes(source, offset, MAGIC.length)
  return MAGIC.every((byte, i) => head[i] === byte)
}

/** Decodes the five pickles at the front, in a window that grows until they fit. */
async function framePickles(source: ByteSource, start: number): Promise<FramedPickle[]> {
  for (let window = FIRST_WINDOW; ; window *= 4) {
    const length = Math.min(window, source.size - start)
    const bytes = await readBytes(source, start, length)
    const pickles: FramedPickle[] = []
    let at = 0
    while (pickles.length < 5 && at < length) {
      const pickle = decodePickle(bytes.subarray(at), { name: source.name, offset: start + at })
      at += pickle.end
      pickles.push({ pickle, end: start + at })
      if (pickle.error) break
    }
    const whole = pickles.length === 5 && pickles.every(({ pickle }) => !pickle.error)
    if (whole || length === source.size - start || window >= LAST_WINDOW) return pickles
  }
}

async function readCount(source: ByteSource, offset: number): Promise<number> {
  const bytes = await readBytes(source, offset, 8)
  const count = new DataView(bytes.buffer).getBigInt64(0, true)
  if (count >= 0n && count <= BigInt(source.size)) return Number(count)
  // More elements than the file has bytes: no storage of this file, whatever their size.
  return Number.POSITIVE_INFINITY
}

/** Bytes of one element of a storage, and of all of it. */
interface StorageSize {
  readonly element: number
  readonly all: number
}

/** The sizes of every storage that persistent ids name. */
function storageSizes(root: PyValue | undefined): Map<string, StorageSize> {
  const sizes = new Map<string, StorageSize>()
  const seen = new Set<PyValue>()
  const stack: PyValue[] = root === undefined ? [] : [root]
  while (stack.length > 0) {
    const value = containerOf(stack.pop())
    if (!value || seen.has(value)) continue
    seen.add(value)
    const storage = torchStorageOf(value)
    if (storage) {
      const { key, dtype, byteLength } = storage
      sizes.set(key, { element: dtype === 'bytes' ? 1 : itemSize(dtype), all: byteLength })
    } else for (const part of partsOf(value)) stack.push(part)
  }
  return sizes
}
