import { type DType, isFloating, itemSize } from '../checkpoint/dtype'

/** How many representable values lie between element `i` of two arrays, the further one counted: 1 between neighbours. */
export type UlpDistance = (i: number) => number

/**
 * Distances between the elements of `a` and `b`, contiguous little-endian and of one dtype; undefined for dtypes that have no
 * such order (integers, complex numbers, packed pairs). A pattern without its sign bit counts the values from zero up, and 0
 * and -0 are one. Meaningless where an element is NaN or infinite.
 */
export function ulpDistances(dtype: DType, a: Uint8Array, b: Uint8Array): UlpDistance | undefined {
  if (!isFloating(dtype) || dtype === 'float4_e2m1fn_x2') return undefined
  const [x, y] = [viewOf(a), viewOf(b)]
  const size = itemSize(dtype)
  if (size === 8) return (i) => distance64(x, y, i * 8)
  if (size === 4) return (i) => Math.abs(ordinal(x.getUint32(4 * i, true), 31) - ordinal(y.getUint32(4 * i, true), 31))
  if (size === 2) return (i) => Math.abs(ordinal(x.getUint16(2 * i, true), 15) - ordinal(y.getUint16(2 * i, true), 15))
  if (dtype === 'float8_e8m0fnu') return (i) => Math.abs(x.getUint8(i) - y.getUint8(i))
  return (i) => Math.abs(ordinal(x.getUint8(i), 7) - ordinal(y.getUint8(i), 7))
}

function ordinal(pattern: number, signBit: number): number {
  const sign = 2 ** signBit
  return pattern >= sign ? sign - pattern : pattern
}

/** High and low words apart, so that their difference is rounded once. */
function distance64(x: DataView, y: DataView, at: number): number {
  const [highX, highY] = [x.getUint32(at + 4, true), y.getUint32(at + 4, true)]
  const [lowX, lowY] = [x.getUint32(at, true), y.getUint32(at, true)]
  const [magnitudeX, magnitudeY] = [highX & 0x7fffffff, highY & 0x7fffffff]
  return highX >>> 31 === highY >>> 31
    ? Math.abs((magnitudeX - magnitudeY) * 2 ** 32 + (lowX - lowY))
    : (magnitudeX + magnitudeY) * 2 ** 32 + (lowX + lowY)
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
