import { type ByteSource, checkRange, readBytes } from '../bytes/source'
import { AssayError } from '../errors'
import {
  DEFLATED,
  DESCRIPTOR,
  ENCRYPTED,
  getUint64,
  LOCAL_HEADER,
  LOCAL_HEADER_BYTES,
  METHODS,
  SIZES_FOLLOW,
  STORED,
  viewOf,
  type ZipEntry,
} from './zip-format'

/** Where the data of a record are. */
export interface Payload {
  /** Byte offset in the archive. */
  readonly offset: number
  /** The CRC-32 that stands with the data, behind them or in the local header; the directory has it once more. */
  readonly crc32?: number
  /** The local header is not what it should be, and the descriptor behind the data proves where they are. */
  readonly isHeaderDamaged?: true
}

/** A descriptor with its signature: CRC-32 and two sizes of 64 or of 32 bits. */
const WIDE = 24
const NARROW = 16

/**
 * Finds the data of a record: behind its local header, whose name and extra field have lengths of their own. Where sizes follow the data,
 * as torch writes them, the descriptor must stand behind these and state the sizes of the directory; if it does not, but does so right
 * in front of what comes next in the archive, then it is the header that is damaged.
 *
 * Throws AssayError `file/unknown-format` for encrypted records and other methods, `file/truncated` and `file/bad-header` where nothing
 * proves a place. `name` is what errors call the record.
 */
export async function findPayload(source: ByteSource, entry: ZipEntry, name: string): Promise<Payload> {
  const refuse = (code: string, message: string): never => {
    throw new AssayError(code, `${name} ${message}`, { file: source.name, offset: entry.headerOffset })
  }
  const { flags, method, size, compressedSize } = entry
  if (flags & ENCRYPTED) refuse('file/unknown-format', 'is encrypted')
  if (method !== STORED && method !== DEFLATED) {
    const named = METHODS.get(method) ?? `method ${method}`
    refuse('file/unknown-format', `is compressed with ${named}, which Assay does not read`)
  }
  if (entry.cut && method === DEFLATED) refuse('file/truncated', 'is compressed, and its end is lost')
  if (method === STORED && size !== compressedSize)
    refuse('file/bad-header', `is stored as it is and claims two sizes, ${size} and ${compressedSize} bytes`)
  const header = await byHeader(source, entry)
  const isProven = header && (header.crc32 !== undefined || !(flags & SIZES_FOLLOW))
  const place = isProven ? header : ((await byDescriptor(source, entry)) ?? header)
  if (!place) {
    checkRange(source, entry.headerOffset, LOCAL_HEADER_BYTES)
    return refuse('file/bad-header', 'has no local header where it should be')
  }
  checkRange(source, place.offset, compressedSize)
  return place
}

async function byHeader(source: ByteSource, entry: ZipEntry): Promise<Payload | undefined> {
  const { headerOffset, flags, size, compressedSize } = entry
  if (headerOffset + LOCAL_HEADER_BYTES > source.size) return undefined
  const header = viewOf(await readBytes(source, headerOffset, LOCAL_HEADER_BYTES))
  if (header.getUint32(0, true) !== LOCAL_HEADER) return undefined
  const offset = headerOffset + LOCAL_HEADER_BYTES + header.getUint16(26, true) + header.getUint16(28, true)
  if (flags & SIZES_FOLLOW) {
    const crc32 = await descriptorAt(source, offset + compressedSize, entry, [WIDE, NARROW])
    return { offset, ...(crc32 !== undefined && { crc32 }) }
  }
  const isFull = header.getUint32(18, true) === compressedSize && header.getUint32(22, true) === size
  return { offset, ...(isFull && { crc32: header.getUint32(14, true) }) }
}

async function byDescriptor(source: ByteSource, entry: ZipEntry): Promise<Payload | undefined> {
  const { end, compressedSize } = entry
  if (end === undefined) return undefined
  for (const bytes of [WIDE, NARROW]) {
    const offset = end - bytes - compressedSize
    const crc32 = offset < 0 ? undefined : await descriptorAt(source, end - bytes, entry, [bytes])
    if (crc32 !== undefined) return { offset, crc32, isHeaderDamaged: true }
  }
  return undefined
}

/** The CRC-32 of the descriptor at `at`, if it is one of these lengths and states the sizes of the entry. */
async function descriptorAt(
  source: ByteSource,
  at: number,
  { size, compressedSize }: ZipEntry,
  lengths: readonly number[],
): Promise<number | undefined> {
  if (at + NARROW > source.size) return undefined
  const view = viewOf(await readBytes(source, at, Math.min(WIDE, source.size - at)))
  if (view.getUint32(0, true) !== DESCRIPTOR) return undefined
  const isStated = lengths.some((bytes) => {
    if (bytes > view.byteLength) return false
    return bytes === WIDE
      ? getUint64(view, 8) === compressedSize && getUint64(view, 16) === size
      : view.getUint32(8, true) === compressedSize && view.getUint32(12, true) === size
  })
  return isStated ? view.getUint32(4, true) : undefined
}
