/** Decodes the block at `at` of `bytes` into the values from `to` on of `out`. */
export type DecodeBlock = (bytes: Uint8Array, at: number, out: Float32Array, to: number) => void

/**
 * Decoders of quantised blocks, by type name. What they give is what gguf-py 0.19 gives (`quants.py`, `dequantize_blocks`), bit
 * for bit: every product before the last operation is exact in a double, and storing it rounds once.
 */
export const DECODERS: ReadonlyMap<string, DecodeBlock> = new Map<string, DecodeBlock>([
  ['Q4_0', q4_0],
  ['Q4_1', q4_1],
  ['Q5_0', q5_0],
  ['Q5_1', q5_1],
  ['Q8_0', q8_0],
  ['Q2_K', q2_k],
  ['Q3_K', q3_k],
  ['Q4_K', q4_k],
  ['Q5_K', q5_k],
  ['Q6_K', q6_k],
])

/** f16 scale, 16 bytes of nibbles: low ones are values 0 to 15, high ones 16 to 31. Offset 8. */
function q4_0(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  for (let i = 0; i < 16; i++) {
    const q = byte(b, at + 2 + i)
    out[to + i] = d * ((q & 15) - 8)
    out[to + 16 + i] = d * ((q >> 4) - 8)
  }
}

/** f16 scale, f16 minimum, 16 bytes of nibbles. */
function q4_1(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  const m = half(b, at + 2)
  for (let i = 0; i < 16; i++) {
    const q = byte(b, at + 4 + i)
    out[to + i] = d * (q & 15) + m
    out[to + 16 + i] = d * (q >> 4) + m
  }
}

/** f16 scale, 32 fifth bits, 16 bytes of nibbles. Offset 16. */
function q5_0(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  for (let i = 0; i < 32; i++) out[to + i] = d * (fiveBits(b, at + 2, i) - 16)
}

/** f16 scale, f16 minimum, 32 fifth bits, 16 bytes of nibbles. */
function q5_1(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  const m = half(b, at + 2)
  for (let i = 0; i < 32; i++) out[to + i] = d * fiveBits(b, at + 4, i) + m
}

/** Value `i` of 32: its fifth bit stands in the 4 bytes at `at`, its nibble in the 16 after them. */
function fiveBits(b: Uint8Array, at: number, i: number): number {
  const high = (byte(b, at + (i >> 3)) >> (i & 7)) & 1
  const nibbles = byte(b, at + 4 + (i & 15))
  return (high << 4) | (i < 16 ? nibbles & 15 : nibbles >> 4)
}

/** f16 scale, 32 signed bytes. */
function q8_0(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  for (let i = 0; i < 32; i++) out[to + i] = d * signed(b, at + 2 + i)
}

/** 16 bytes of scale and minimum nibbles, 64 bytes of 2-bit values, f16 scale of the scales, f16 scale of the minima. */
function q2_k(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at + 80)
  const dmin = half(b, at + 82)
  for (let i = 0; i < 256; i++) {
    const scale = byte(b, at + (i >> 4))
    out[to + i] = d * (scale & 15) * twoBits(b, at + 16, i) - dmin * (scale >> 4)
  }
}

/** 32 bytes of third bits (set: no offset), 64 bytes of 2-bit values, 12 bytes of 6-bit scales, f16 scale. */
function q3_k(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at + 108)
  for (let i = 0; i < 256; i++) {
    const k = i >> 4
    const low = (byte(b, at + 96 + (k & 7)) >> (k < 8 ? 0 : 4)) & 15
    const high = (byte(b, at + 104 + (k & 3)) >> (2 * (k >> 2))) & 3
    const third = (byte(b, at + (i & 31)) >> (i >> 5)) & 1
    out[to + i] = d * ((low | (high << 4)) - 32) * (twoBits(b, at + 32, i) - (third ? 0 : 4))
  }
}

/** Value `i` of 256 in 64 bytes: 32 bytes hold 128 values, the first 32 in their lowest bits, the next in the two above. */
function twoBits(b: Uint8Array, at: number, i: number): number {
  return (byte(b, at + (i >> 7) * 32 + (i & 31)) >> (2 * ((i >> 5) & 3))) & 3
}

/** f16 scale of the scales, f16 scale of the minima, 12 bytes of 6-bit scales and minima, 128 bytes of nibbles. */
function q4_k(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  const dmin = half(b, at + 2)
  for (let k = 0; k < 8; k++) {
    const scale = d * sixBitScale(b, at + 4, k)
    const min = dmin * sixBitMin(b, at + 4, k)
    const qs = at + 16 + (k >> 1) * 32
    const shift = (k & 1) * 4
    for (let i = 0; i < 32; i++) out[to + k * 32 + i] = scale * ((byte(b, qs + i) >> shift) & 15) - min
  }
}

/** As Q4_K, with 32 bytes of fifth bits before the nibbles. */
function q5_k(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at)
  const dmin = half(b, at + 2)
  for (let k = 0; k < 8; k++) {
    const scale = d * sixBitScale(b, at + 4, k)
    const min = dmin * sixBitMin(b, at + 4, k)
    const qs = at + 48 + (k >> 1) * 32
    const shift = (k & 1) * 4
    for (let i = 0; i < 32; i++) {
      const high = (byte(b, at + 16 + i) >> k) & 1
      out[to + k * 32 + i] = scale * (((byte(b, qs + i) >> shift) & 15) | (high << 4)) - min
    }
  }
}

/** Scale `k` of 8 in 12 bytes: the first four in the low bits of bytes 0 to 3, the others split over bytes 8 to 11 and 0 to 3. */
function sixBitScale(b: Uint8Array, at: number, k: number): number {
  return k < 4 ? byte(b, at + k) & 63 : (byte(b, at + 4 + k) & 15) | ((byte(b, at + k - 4) >> 2) & 48)
}

function sixBitMin(b: Uint8Array, at: number, k: number): number {
  return k < 4 ? byte(b, at + 4 + k) & 63 : (byte(b, at + 4 + k) >> 4) | ((byte(b, at + k) >> 2) & 48)
}

/** 128 bytes of low nibbles, 64 bytes of high 2-bit parts, 16 signed scales, f16 scale. Offset 32. */
function q6_k(b: Uint8Array, at: number, out: Float32Array, to: number): void {
  const d = half(b, at + 208)
  for (let i = 0; i < 256; i++) {
    const nibbles = byte(b, at + (i >> 7) * 64 + (i & 63))
    const low = i & 64 ? nibbles >> 4 : nibbles & 15
    const q = (low | (twoBits(b, at + 128, i) << 4)) - 32
    out[to + i] = d * signed(b, at + 192 + (i >> 4)) * q
  }
}

function byte(b: Uint8Array, at: number): number {
  return b[at] as number
}

function signed(b: Uint8Array, at: number): number {
  return ((b[at] as number) << 24) >> 24
}

/** An IEEE 754 half, little endian. */
function half(b: Uint8Array, at: number): number {
  const bits = byte(b, at) | (byte(b, at + 1) << 8)
  const exponent = (bits >> 10) & 31
  const fraction = bits & 1023
  const size =
    exponent === 31
      ? fraction === 0
        ? Number.POSITIVE_INFINITY
        : Number.NaN
      : exponent === 0
        ? fraction * 2 ** -24
        : (1024 + fraction) * 2 ** (exponent - 25)
  return bits & 0x8000 ? -size : size
}
