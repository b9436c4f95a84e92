import { type ByteSource, checkRange } from '../bytes/source'
import type { DecodeBlock } from '../decode/ggml/blocks'
import type { GgmlType } from '../decode/ggml/types'

/** Values decoded at once. */
const SLAB = 1 << 16

/**
 * The values of a quantised tensor as float32, little endian, decoded as they are read: a source of 4 bytes a value over
 * `count` values packed from byte `begin` of `source` on. Holds 64 Ki values. Reads throw as the source's do; closing it leaves
 * the source open.
 */
export function dequantized(
  source: ByteSource,
  begin: number,
  count: number,
  type: GgmlType,
  decode: DecodeBlock,
): ByteSource {
  return {
    name: source.name,
    size: count * 4,
    async read(offset, target) {
      checkRange(this, offset, target.byteLength)
      const end = offset + target.byteLength
      const slabBytes = SLAB * 4
      for (let from = offset - (offset % (type.block * 4)); from < end; from += slabBytes) {
        const blocks = Math.ceil(Math.min(slabBytes, end - from) / 4 / type.block)
        const packed = new Uint8Array(blocks * type.bytes)
        await source.read(begin + (from / 4 / type.block) * type.bytes, packed)
        const values = new Float32Array(blocks * type.block)
        for (let b = 0; b < blocks; b++) decode(packed, b * type.bytes, values, b * type.block)
        const bytes = new Uint8Array(values.buffer)
        const first = Math.max(offset - from, 0)
        target.set(bytes.subarray(first, Math.min(bytes.length, end - from)), from + first - offset)
      }
    },
    close() {},
  }
}
