import { type DType, isComplex } from '../checkpoint/dtype'
import { referenceChecksum } from './checksum'
import { blockDecoder } from './decode-values'
import { smallestNormal } from './denormal'
import { ExponentCounts } from './exponents'
import type { Accumulator, Kernel, Statistics, StatisticsOptions } from './kernel'
import { picture } from './picture'
import { referenceComparison } from './reference-comparison'

/**
 * The kernel in plain TypeScript, in float64: what every faster one is checked against.
 *
 * Sums run over chunks of 1024 values before they are added up, so that rounding grows with the number of chunks and not
 * of values. The deviation is two-pass within a chunk and merged between chunks (Chan, Golub, LeVeque 1979), so that a mean
 * far from zero costs no digits.
 */
export const referenceKernel: Kernel = {
  statistics: (dtype, options = {}) =>
    isComplex(dtype) ? complexStatistics(dtype, options) : realStatistics(dtype, options),
  comparison: referenceComparison,
  histogram,
  picture,
  checksum: referenceChecksum,
}

const CHUNK = 1024

function realStatistics(dtype: DType, options: StatisticsOptions): Accumulator<Statistics> {
  const decode = blockDecoder(dtype)
  let count = 0
  let zeros = 0
  let nan = 0
  let inf = 0
  let denormals = 0
  const normal = smallestNormal(dtype)
  let finite = 0
  let min = Infinity
  let max = -Infinity
  let mean = 0
  let deviations = 0
  let squares = 0
  const total = compensatedSum()
  const exponents = options.exponents ? new ExponentCounts() : undefined

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
      else if (v < normal && -v < normal) denormals++
      else exponents?.add(v)
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
      const counts = { count, zeros, nan, inf, denormals, ...(exponents && { exponents: exponents.result() }) }
      if (finite === 0) return { ...NO_MEASURES, ...counts }
      return { ...counts, min, max, mean, std: Math.sqrt(deviations / finite), l2: Math.sqrt(squares) }
    },
  }
}

const NO_MEASURES = { min: null, max: null, mean: null, std: null, l2: null }

/** Complex numbers have no order: only counts. A number is NaN (or infinite) when either part is, so it may be both. */
function complexStatistics(dtype: DType, { exponents }: StatisticsOptions): Accumulator<Statistics> {
  const decode = blockDecoder(dtype)
  let count = 0
  let zeros = 0
  let nan = 0
  let inf = 0
  let denormals = 0
  const normal = smallestNormal(dtype)
  const isDenormal = (part: number) => part !== 0 && part < normal && -part < normal
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
        if (isDenormal(re) || isDenormal(im)) denormals++
      }
    },
    result: () => ({ ...NO_MEASURES, count, zeros, nan, inf, denormals, ...(exponents && { exponents: null }) }),
  }
}

function histogram(dtype: DType, min: number, max: number, bins: number): Accumulator<Float64Array> {
  const decode = blockDecoder(dtype)
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
