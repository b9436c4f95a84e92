import { type DType, isComplex } from '../checkpoint/dtype'
import { decodeValues } from './decode-values'
import type { Accumulator, Comparison, Kernel, PairAccumulator, Statistics } from './kernel'

/**
 * The kernel in plain TypeScript, in float64: what every faster one is checked against.
 *
 * Sums run over chunks of 1024 values before they are added up, so that rounding grows with the number of chunks and not
 * of values. The deviation is two-pass within a chunk and merged between chunks (Chan, Golub, LeVeque 1979), so that a mean
 * far from zero costs no digits.
 */
export const referenceKernel: Kernel = {
  statistics: (dtype) => (isComplex(dtype) ? complexStatistics(dtype) : realStatistics(dtype)),
  comparison,
  histogram,
}

const CHUNK = 1024

function realStatistics(dtype: DType): Accumulator<Statistics> {
  const decode = decoder(dtype)
  let count = 0
  let zeros = 0
  let nan = 0
  let inf = 0
  let finite = 0
  let min = Infinity
  let max = -Infinity
  let mean = 0
  let deviations = 0
  let squares = 0
  const total = compensatedSum()

  function chunk(values: Float64Array, from: number, to: number): void {
    let n = 0
    let zero = 0
    let low = min
    let high = max
    let sum = 0
    let square = 0
    for (let i = from; i < to; i++) {
      const v = values[i] as number
      if (v - v !== 0) {
        if (Number.isNaN(v)) nan++
        else inf++
        continue
      }
      n++
      sum += v
      square += v * v
      if (v === 0) zero++
      if (v < low) low = v
      if (v > high) high = v
    }
    if (n === 0) return
    zeros += zero
    min = low
    max = high
    const centre = sum / n
    let around = 0
    for (let i = from; i < to; i++) {
      const d = (values[i] as number) - centre
      if (d - d === 0) around += d * d
    }
    const apart = centre - mean
    deviations += around + (apart * apart * finite * n) / (finite + n)
    finite += n
    squares += square
    total.add(sum)
    mean = total.value() / finite
  }

  return {
    update(block) {
      const values = decode(block)
      count += values.length
      for (let at = 0; at < values.length; at += CHUNK) chunk(values, at, Math.min(at + CHUNK, values.length))
    },
    result() {
      const counts = { count, zeros, nan, inf }
      if (finite === 0) return { ...NO_MEASURES, ...counts }
      return { ...counts, min, max, mean, std: Math.sqrt(deviations / finite), l2: Math.sqrt(squares) }
    },
  }
}

const NO_MEASURES = { min: null, max: null, mean: null, std: null, l2: null }

/** Complex numbers have no order: only counts. A number is NaN (or infinite) when either part is, so it may be both. */
function complexStatistics(dtype: DType): Accumulator<Statistics> {
  const decode = decoder(dtype)
  let count = 0
  let zeros = 0
  let nan = 0
  let inf = 0
  return {
    update(block) {
      const values = decode(block)
      count += values.length / 2
      for (let i = 0; i < values.length; i += 2) {
        const re = values[i] as number
        const im = values[i + 1] as number
        if (re === 0 && im === 0) zeros++
        if (Number.isNaN(re) || Number.isNaN(im)) nan++
        if (isInfinite(re) || isInfinite(im)) inf++
      }
    },
    result: () => ({ ...NO_MEASURES, count, zeros, nan, inf }),
  }
}

/**
 * Complex numbers are compared as points: |b - a| is the distance, the cosine takes the real part of the inner product, and
 * a real side has imaginary part 0.
 */
function comparison(a: DType, b: DType): PairAccumulator<Comparison> {
  const complex = isComplex(a) || isComplex(b)
  const width = complex ? 2 : 1
  const decodeA = complex && !isComplex(a) ? asComplex(decoder(a)) : decoder(a)
  const decodeB = complex && !isComplex(b) ? asComplex(decoder(b)) : decoder(b)
  const exact = a === b && (a === 'int64' || a === 'uint64')
  let count = 0
  let changed = 0
  let nonFinite = 0
  let maxAbs = 0
  const sums = { abs: 0, square: 0, a: 0, b: 0, dot: 0 }

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
        if (p !== q && !(Number.isNaN(p) && Number.isNaN(q))) changed++
        continue
      }
      if (d !== 0) {
        changed++
        const size = Math.abs(d)
        if (size > maxAbs) maxAbs = size
        abs += size
        square += d * d
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
      if (!(same(pr, qr) && same(pi, qi))) changed++
      if (![pr, pi, qr, qi].every(Number.isFinite)) {
        nonFinite++
        continue
      }
      const size = Math.hypot(qr - pr, qi - pi)
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
    },
    result() {
      const pairs = count - nonFinite
      const lengths = Math.sqrt(sums.a) * Math.sqrt(sums.b)
      return {
        count,
        changed,
        maxAbs,
        meanAbs: pairs === 0 ? 0 : sums.abs / pairs,
        rms: pairs === 0 ? 0 : Math.sqrt(sums.square / pairs),
        relL2: sums.square === 0 ? 0 : sums.a === 0 ? null : Math.sqrt(sums.square) / Math.sqrt(sums.a),
        cosine: lengths === 0 ? null : Math.max(-1, Math.min(1, sums.square === 0 ? 1 : sums.dot / lengths)),
        nonFinite,
      }
    },
  }
}

function histogram(dtype: DType, min: number, max: number, bins: number): Accumulator<Float64Array> {
  const decode = decoder(dtype)
  const counts = new Float64Array(bins)
  // halves, so that the width of a range over all of float64 does not overflow
  const half = max / 2 - min / 2
  const perHalf = half > 0 ? bins / half : 0
  return {
    update(block) {
      if (isComplex(dtype)) return
      const values = decode(block)
      for (let i = 0; i < values.length; i++) {
        const v = values[i] as number
        if (!(v >= min && v <= max)) continue
        const bin = Math.min(Math.floor((v / 2 - min / 2) * perHalf), bins - 1) || 0
        counts[bin] = (counts[bin] as number) + 1
      }
    },
    result: () => counts,
  }
}

/** Decodes block after block into one array, which grows to the largest. */
function decoder(dtype: DType): (block: Uint8Array) => Float64Array {
  let values: Float64Array = new Float64Array(0)
  return (block) => {
    const decoded = decodeValues(dtype, block, values)
    if (decoded.length > values.length) values = decoded
    return decoded
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

function isInfinite(value: number): boolean {
  return value === Infinity || value === -Infinity
}

/** Neumaier's sum: what rounding loses is kept beside the total. */
function compensatedSum(): { add(value: number): void; value(): number } {
  let sum = 0
  let lost = 0
  return {
    add(value) {
      const next = sum + value
      lost += Math.abs(sum) >= Math.abs(value) ? sum - next + value : value - next + sum
      sum = next
    },
    value: () => sum + lost,
  }
}
