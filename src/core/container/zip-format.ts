/** Numbers of the ZIP format (PKWARE APPNOTE 6.3.10), all little endian. */
export const LOCAL_HEADER = 0x04034b50
export const CENTRAL_HEADER = 0x02014b50
export const DESCRIPTOR = 0x08074b50
export const END = 0x06054b50
export const END64 = 0x06064b50
export const END64_LOCATOR = 0x07064b50

export const LOCAL_HEADER_BYTES = 30
export const CENTRAL_HEADER_BYTES = 46
export const END_BYTES = 22
export const END64_BYTES = 56
export const END64_LOCATOR_BYTES = 20

/** General flags: bit 0 encrypted, bit 3 sizes and checksum follow the data. */
export const ENCRYPTED = 1
export const SIZES_FOLLOW = 8

export const STORED = 0
export const DEFLATED = 8

/** Names of the other methods, for messages. */
export const METHODS = new Map([
  [9, 'Deflate64'],
  [12, 'bzip2'],
  [14, 'LZMA'],
  [93, 'Zstandard'],
  [95, 'XZ'],
  [99, 'AES encryption'],
])

/** A 16- or 32-bit field of this value says that the true one is in the zip64 records. */
export const SATURATED16 = 0xffff
export const SATURATED32 = 0xffffffff

/** torch writes one record a storage: real archives stay below a hundred thousand. */
export const MOST_ENTRIES = 2 ** 20

export interface ZipEntry {
  /** Only a name: it is never used as a path on the disk. */
  readonly name: string
  readonly method: number
  readonly flags: number
  /** 0 where none is stored. */
  readonly crc32: number
  /** Bytes in the archive. */
  readonly compressedSize: number
  /** Bytes once read. */
  readonly size: number
  /** Byte offset of its local header in the source. */
  readonly headerOffset: number
  /** Byte offset of what comes next in the source: a header, or the directory. Unknown where there is none. */
  readonly end?: number
  /** The file ends inside it, or its true sizes are lost: sizes are what is left. Only in salvaged archives. */
  readonly cut?: boolean
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const latin1 = new TextDecoder('latin1')

/** Names are UTF-8 whether or not bit 11 says so; what is no UTF-8 is read byte by byte. */
export function decodeName(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return latin1.decode(bytes)
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** A 64-bit field. Beyond 2^53 it is inexact, and larger than any file. */
export function getUint64(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 2 ** 32
}

/**
 * The 32-bit fields at the places given, or their 64-bit values from the zip64 extra field (id 1), which holds those that are
 * saturated in this order: size, compressedSize, offset. `extra` and `extraEnd` bound the extra fields.
 */
export function readSizes(
  view: DataView,
  at: { compressedSize: number; size: number; offset?: number },
  extra: number,
  extraEnd: number,
): { compressedSize: number; size: number; offset: number } {
  let size = view.getUint32(at.size, true)
  let compressedSize = view.getUint32(at.compressedSize, true)
  let offset = at.offset === undefined ? 0 : view.getUint32(at.offset, true)
  for (let field = extra; field + 4 <= extraEnd; field += 4 + view.getUint16(field + 2, true)) {
    if (view.getUint16(field, true) !== 1) continue
    let value = field + 4
    const end = Math.min(extraEnd, value + view.getUint16(field + 2, true))
    const take = (short: number): number => {
      if (short !== SATURATED32 || value + 8 > end) return short
      value += 8
      return getUint64(view, value - 8)
    }
    size = take(size)
    compressedSize = take(compressedSize)
    offset = take(offset)
    break
  }
  return { size, compressedSize, offset }
}
