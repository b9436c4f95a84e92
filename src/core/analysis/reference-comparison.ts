import { type DType, isComplex } from '../checkpoint/dtype'
import { blockDecoder } from './decode-values'
import type { Comparison, ComparisonOptions, PairAccumulator } from './kernel'
import { comparisonFrom } from './pair-sums'
import { ulpDistances } from './ulp'

/** Values whose sums are kept apart before they are added up. */
const CHUNK = 1024
const NO_BYTES = new Uint8Array(0)
const NO_DISTANCE = () => 0

/**
 * Complex numbers are compared as points: |b - a| is the distance, the cosine takes the real part of the inner product, and
 * a real side has imaginary part 0.
 */
export function referenceComparison(a: DType, b: DType, options: ComparisonOptions = {}): PairAccumulator<Comparison> {
  const complex = isComplex(a) || isComplex(b)
  const width = complex ? 2 : 1
  const decodeA = complex && !isComplex(a) ? asComplex(blockDecoder(a)) : blockDecoder(a)
  const decodeB = complex && !isComplex(b) ? asComplex(blockDecoder(b)) : blockDecoder(b)
  const exact = a === b && (a === 'int64' || a === 'uint64')
  let count = 0
  let changed = 0
  let nonFinite = 0
  let maxAbs = 0
  let becameNan = 0
  let wasNan = 0
  let beyond = 0
  const { tolerance, ulp = false } = options
  const measuresUlp = ulp && a === b && ulpDistances(a, NO_BYTES, NO_BYTES) !== undefined
  let maxUlp = 0
  const sums = { abs: 0, square: 0, a: 0, b: 0, dot: 0 }

  /** A pair that differs in more than a number. */
  function odd(nanA: boolean, nanB: boolean): void {
    changed++
    if (tolerance) beyond++
    if (nanB && !nanA) becameNan++
    if (nanA && !nanB) wasNan++
  }

  function chunk(x: Float64Array, y: Float64Array, from: number, to: number): void {
    let abs = 0
    let square = 0
    let aa = 0
    let bb = 0
    let ab = 0
    for (let i = from; i < to; i++) {
      const p = x[i] as number
      const q = y[i] as number
      const d = q - p
      if (d - d !== 0 && (p - p !== 0 || q - q !== 0)) {
        nonFinite++
        if (p !== q && !(Number.isNaN(p) && Number.isNaN(q))) odd(Number.isNaN(p), Number.isNaN(q))
        continue
      }
      if (d !== 0) {
        changed++
        const size = Math.abs(d)
        if (size > maxAbs) maxAbs = size
        abs += size
        square += d * d
        if (tolerance && !(size <= tolerance.atol + tolerance.rtol * Math.abs(p))) beyond++
      }
      aa += p * p
      bb += q * q
      ab += p * q
    }
    add(sums, abs, square, aa, bb, ab)
  }

  function complexChunk(x: Float64Array, y: Float64Array, from: number, to: number): void {
    let abs = 0
    let square = 0
    let aa = 0
    let bb = 0
    let ab = 0
    for (let i = from; i < to; i += 2) {
      const [pr, pi, qr, qi] = [x[i] as number, x[i + 1] as number, y[i] as number, y[i + 1] as number]
      const equal = same(pr, qr) && same(pi, qi)
      if (![pr, pi, qr, qi].every(Number.isFinite)) {
        nonFinite++
        if (!equal) odd(Number.isNaN(pr) || Number.isNaN(pi), Number.isNaN(qr) || Number.isNaN(qi))
        continue
      }
      if (!equal) changed++
      const size = Math.hypot(qr - pr, qi - pi)
      if (tolerance && !(size <= tolerance.atol + tolerance.rtol * Math.hypot(pr, pi))) beyond++
      if (size > maxAbs) maxAbs = size
      abs += size
      square += size * size
      aa += pr * pr + pi * pi
      bb += qr * qr + qi * qi
      ab += pr * qr + pi * qi
    }
    add(sums, abs, square, aa, bb, ab)
  }

  const run = complex ? complexChunk : chunk
  return {
    update(blockA, blockB) {
      const x = decodeA(blockA)
      const y = decodeB(blockB)
      if (x.length !== y.length) throw new RangeError(`${x.length} values of ${a} against ${y.length} of ${b}`)
      count += x.length / width
      const before = changed
      for (let at = 0; at < x.length; at += CHUNK) run(x, y, at, Math.min(at + CHUNK, x.length))
      // float64 rounds integers beyond 2^53, and two that differ may become one
      if (exact) changed = before + differing64(blockA, blockB)
      if (!measuresUlp) return
      const distance = ulpDistances(a, blockA, blockB) ?? NO_DISTANCE
      for (let i = 0; i < x.length; i++) {
        const [p, q] = [x[i] as number, y[i] as number]
        if (p !== q && p - p === 0 && q - q === 0) maxUlp = Math.max(maxUlp, distance(i))
      }
    },
    result() {
      const counts = { count, changed, nonFinite, becameNan, wasNan, beyond, maxUlp, maxAbs }
      return comparisonFrom({ ...counts, ...sums }, { ...options, ulp: measuresUlp })
    },
  }
}

function asComplex(decode: (block: Uint8Array) => Float64Array): (block: Uint8Array) => Float64Array {
  return (block) => {
    const real = decode(block)
    const pairs = new Float64Array(real.length * 2)
    for (let i = 0; i < real.length; i++) pairs[2 * i] = real[i] as number
    return pairs
  }
}

function add(
  sums: { abs: number; square: number; a: number; b: number; dot: number },
  abs: number,
  square: number,
  a: number,
  b: number,
  dot: number,
): void {
  sums.abs += abs
  sums.square += square
  sums.a += a
  sums.b += b
  sums.dot += dot
}

/** Elements of 8 bytes that are not the same bytes. */
function differing64(a: Uint8Array, b: Uint8Array): number {
  const x = new DataView(a.buffer, a.byteOffset, a.byteLength)
  const y = new DataView(b.buffer, b.byteOffset, b.byteLength)
  let n = 0
  for (let at = 0; at < x.byteLength; at += 8) {
    if (x.getUint32(at) !== y.getUint32(at) || x.getUint32(at + 4) !== y.getUint32(at + 4)) n++
  }
  return n
}

function same(a: number, b: number): boolean {
  return a === b || (Number.isNaN(a) && Number.isNaN(b))
}
