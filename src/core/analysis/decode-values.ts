import { type DType, isComplex, itemSize } from '../checkpoint/dtype'

/**
 * Widens contiguous little-endian elements to float64, exactly: every value of every dtype has one, but 64-bit integers are
 * rounded to the nearest (ties to even). Complex elements become two values, real then imaginary; a byte of
 * `float4_e2m1fn_x2` becomes two, the low half first; quantized ones give the stored integer; bool gives 0 or 1.
 * `into` is filled and returned (cut to length) when it is long enough, so that blocks can share one array.
 */
export function decodeValues(dtype: DType, bytes: Uint8Array, into?: Float64Array): Float64Array {
  const length = (bytes.length / itemSize(dtype)) * valuesPerElement(dtype)
  const out = into !== undefined && into.length >= length ? into.subarray(0, length) : new Float64Array(length)
  DECODERS[dtype](aligned(bytes), out)
  return out
}

/** Decodes block after block into one array, which grows to the largest. */
export function blockDecoder(dtype: DType): (block: Uint8Array) => Float64Array {
  let values: Float64Array = new Float64Array(0)
  return (block) => {
    const decoded = decodeValues(dtype, block, values)
    if (decoded.length > values.length) values = decoded
    return decoded
  }
}

/** Values in one element: 2 for complex numbers and for packed pairs, else 1. */
export function valuesPerElement(dtype: DType): 1 | 2 {
  return isComplex(dtype) || dtype === 'float4_e2m1fn_x2' ? 2 : 1
}

type Decoder = (bytes: Uint8Array, out: Float64Array) => void

/** Views of 2, 4 or 8 bytes a value need an offset that is a multiple of it; memory that has none is copied. */
function aligned(bytes: Uint8Array): Uint8Array {
  return bytes.byteOffset % 8 === 0 ? bytes : bytes.slice()
}

/** Typed arrays convert element by element, as exactly as float64 can. */
function as(
  View: new (buffer: ArrayBufferLike, offset: number, length: number) => ArrayLike<number>,
  size: number,
): Decoder {
  return (bytes, out) => out.set(new View(bytes.buffer, bytes.byteOffset, bytes.length / size))
}

/** high x 2^32 and low are exact in float64, so their sum is rounded once, to nearest. */
function integer64(signed: boolean): Decoder {
  return (bytes, out) => {
    const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
    for (let i = 0; i < out.length; i++) {
      const high = words[2 * i + 1] as number
      out[i] = (signed ? high | 0 : high) * 2 ** 32 + (words[2 * i] as number)
    }
  }
}

function bool(bytes: Uint8Array, out: Float64Array): void {
  for (let i = 0; i < out.length; i++) out[i] = bytes[i] === 0 ? 0 : 1
}

/** Looks every 8-bit or 16-bit pattern up in a table that is made when first needed. */
function table(bits: 8 | 16, widen: (pattern: number) => number): Decoder {
  let values: Float64Array | undefined
  return (bytes, out) => {
    values ??= Float64Array.from({ length: 2 ** bits }, (_, pattern) => widen(pattern))
    const patterns = bits === 8 ? bytes : new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
    for (let i = 0; i < out.length; i++) out[i] = values[patterns[i] as number] as number
  }
}

/**
 * The value of a sign bit, `exponentBits` and `mantissaBits`, IEEE style: exponent 0 is subnormal. `special` names what the
 * topmost exponent means: infinities and NaN (`ieee`), or plain numbers (`finite`), which the callers below correct.
 */
function small(exponentBits: number, mantissaBits: number, bias: number, special: 'ieee' | 'finite') {
  return (pattern: number): number => {
    const sign = pattern >> (exponentBits + mantissaBits) === 0 ? 1 : -1
    const exponent = (pattern >> mantissaBits) & (2 ** exponentBits - 1)
    const fraction = (pattern & (2 ** mantissaBits - 1)) / 2 ** mantissaBits
    if (special === 'ieee' && exponent === 2 ** exponentBits - 1) return fraction === 0 ? sign * Infinity : NaN
    return exponent === 0 ? sign * fraction * 2 ** (1 - bias) : sign * (1 + fraction) * 2 ** (exponent - bias)
  }
}

/** As `of`, but these patterns are NaN. */
function nanAt(patterns: readonly number[], of: (pattern: number) => number) {
  return (pattern: number): number => (patterns.includes(pattern) ? NaN : of(pattern))
}

/** e8m0 is an exponent and nothing else: no sign, no zero. */
function powerOfTwo(pattern: number): number {
  return 2 ** (pattern - 127)
}

const float16 = table(16, small(5, 10, 15, 'ieee'))
const bfloat16 = table(16, small(8, 7, 127, 'ieee'))

/** float4 e2m1 has neither NaN nor infinity: 0, 0.5, 1, 1.5, 2, 3, 4, 6. OCP Microscaling Formats 1.0, 5.3.3. */
const float4 = small(2, 1, 1, 'finite')
function float4Pairs(bytes: Uint8Array, out: Float64Array): void {
  for (let i = 0; i < bytes.length; i++) {
    out[2 * i] = float4((bytes[i] as number) & 15)
    out[2 * i + 1] = float4((bytes[i] as number) >> 4)
  }
}

/**
 * The 8-bit layouts are those of torch (c10/util/Float8_*.h): e4m3fn, e5m2 and e8m0fnu are OCP's, the fnuz ones have a
 * larger bias, no negative zero (0x80 is NaN) and no infinities.
 */
const DECODERS: Record<DType, Decoder> = {
  bool,
  uint8: as(Uint8Array, 1),
  int8: as(Int8Array, 1),
  int16: as(Int16Array, 2),
  uint16: as(Uint16Array, 2),
  int32: as(Int32Array, 4),
  uint32: as(Uint32Array, 4),
  int64: integer64(true),
  uint64: integer64(false),
  float16,
  bfloat16,
  float32: as(Float32Array, 4),
  float64: as(Float64Array, 8),
  float8_e4m3fn: table(8, nanAt([0x7f, 0xff], small(4, 3, 7, 'finite'))),
  float8_e5m2: table(8, small(5, 2, 15, 'ieee')),
  float8_e4m3fnuz: table(8, nanAt([0x80], small(4, 3, 8, 'finite'))),
  float8_e5m2fnuz: table(8, nanAt([0x80], small(5, 2, 16, 'finite'))),
  float8_e8m0fnu: table(8, nanAt([0xff], powerOfTwo)),
  float4_e2m1fn_x2: float4Pairs,
  complex32: float16,
  complex64: as(Float32Array, 4),
  complex128: as(Float64Array, 8),
}
