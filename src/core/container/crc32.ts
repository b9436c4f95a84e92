import { systemCrc32 } from '../bytes/system-crc32'

/** Tables of slicing-by-16: `TABLES[k * 256 + b]` is the CRC of byte `b` followed by `k` zero bytes. */
const TABLES = makeTables()

function makeTables(): Uint32Array {
  const tables = new Uint32Array(16 * 256)
  for (let b = 0; b < 256; b++) {
    let crc = b
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    tables[b] = crc
  }
  for (let i = 256; i < tables.length; i++) {
    const crc = tables[i - 256] as number
    tables[i] = (crc >>> 8) ^ (tables[crc & 255] as number)
  }
  return tables
}

/**
 * CRC-32 (IEEE 802.3, reflected, as in zip and gzip) of `bytes`, an unsigned number. `seed` is the CRC of what came before, so
 * that long data can be fed in blocks.
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return systemCrc32 ? systemCrc32(bytes, seed) : slicedCrc32(bytes, seed)
}

/** `crc32` in JavaScript, sixteen bytes a step (Intel's slicing-by-N). */
export function slicedCrc32(bytes: Uint8Array, seed = 0): number {
  const t = TABLES
  const data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let crc = ~seed
  let at = 0
  for (const end = bytes.byteLength - 15; at < end; at += 16) {
    const a = crc ^ data.getInt32(at, true)
    const b = data.getInt32(at + 4, true)
    const c = data.getInt32(at + 8, true)
    const d = data.getInt32(at + 12, true)
    crc =
      (t[0xf00 + (a & 255)] as number) ^
      (t[0xe00 + ((a >>> 8) & 255)] as number) ^
      (t[0xd00 + ((a >>> 16) & 255)] as number) ^
      (t[0xc00 + (a >>> 24)] as number) ^
      (t[0xb00 + (b & 255)] as number) ^
      (t[0xa00 + ((b >>> 8) & 255)] as number) ^
      (t[0x900 + ((b >>> 16) & 255)] as number) ^
      (t[0x800 + (b >>> 24)] as number) ^
      (t[0x700 + (c & 255)] as number) ^
      (t[0x600 + ((c >>> 8) & 255)] as number) ^
      (t[0x500 + ((c >>> 16) & 255)] as number) ^
      (t[0x400 + (c >>> 24)] as number) ^
      (t[0x300 + (d & 255)] as number) ^
      (t[0x200 + ((d >>> 8) & 255)] as number) ^
      (t[0x100 + ((d >>> 16) & 255)] as number) ^
      (t[d >>> 24] as number)
  }
  for (; at < bytes.byteLength; at++) crc = (crc >>> 8) ^ (t[(crc ^ (bytes[at] as number)) & 255] as number)
  return ~crc >>> 0
}
