import { addExponents, type Exponents } from './exponents'
import type { Statistics } from './kernel'

/** What statistics are made of: of parts of a tensor they add up, in any order, to those of the whole. */
export interface Moments {
  count: number
  zeros: number
  nan: number
  inf: number
  denormals: number
  /** Values that are finite; the rest is theirs. */
  finite: number
  min: number
  max: number
  /** Their sum, and what rounding has taken from it (Neumaier). */
  sum: number
  lost: number
  /** Sum of squared distances from their mean. */
  deviations: number
  squares: number
  /** Of those that are normal; absent where they were not asked for. */
  exponents?: Exponents | null
}

export function newMoments(): Moments {
  return {
    count: 0,
    zeros: 0,
    nan: 0,
    inf: 0,
    denormals: 0,
    finite: 0,
    min: Infinity,
    max: -Infinity,
    sum: 0,
    lost: 0,
    deviations: 0,
    squares: 0,
  }
}

/** Adds those of another part. The deviations are merged as in Chan, Golub, LeVeque 1979, so that a mean far from zero costs no digits. */
export function addMoments(into: Moments, part: Moments): void {
  into.count += part.count
  into.zeros += part.zeros
  into.nan += part.nan
  into.inf += part.inf
  into.denormals += part.denormals
  if (part.exponents !== undefined) into.exponents = addExponents(into.exponents ?? null, part.exponents)
  if (part.finite === 0) return
  if (into.finite > 0) {
    const apart = (part.sum + part.lost) / part.finite - (into.sum + into.lost) / into.finite
    into.deviations += (apart * apart * into.finite * part.finite) / (into.finite + part.finite)
  }
  into.deviations += part.deviations
  into.finite += part.finite
  into.min = Math.min(into.min, part.min)
  into.max = Math.max(into.max, part.max)
  into.squares += part.squares
  const next = into.sum + part.sum
  into.lost +=
    part.lost + (Math.abs(into.sum) >= Math.abs(part.sum) ? into.sum - next + part.sum : part.sum - next + into.sum)
  into.sum = next
}

export function statisticsFrom(moments: Moments): Statistics {
  const { count, zeros, nan, inf, denormals, finite, min, max, sum, lost, deviations, squares, exponents } = moments
  const counts = { count, zeros, nan, inf, denormals, ...(exponents !== undefined && { exponents }) }
  if (finite === 0) return { ...counts, min: null, max: null, mean: null, std: null, l2: null }
  const [mean, std, l2] = [(sum + lost) / finite, Math.sqrt(deviations / finite), Math.sqrt(squares)]
  return { ...counts, min, max, mean, std, l2 }
}
