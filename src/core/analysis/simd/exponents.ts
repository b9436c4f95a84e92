import { type Exponents, trimmed } from '../exponents'
import { PLACE, type Simd, type Wide } from './module'

/** Fields for an exponent in a pattern, and what is taken from it to have the exponent. */
const FIELDS: Record<Wide, { count: number; bias: number }> = {
  F32: { count: 256, bias: 127 },
  F64: { count: 2048, bias: 1023 },
}
/** Words that take turns in counting one pattern. */
const TURNS = 4

/** Makes room for counts: from here to `takeExponents` they stay in the kernels' memory. */
export function clearExponents({ counts }: Simd, wide: Wide): void {
  counts.fill(0, 0, TURNS * 2 * FIELDS[wide].count)
}

/** Counts n values at `from`. */
export function countExponents({ run }: Simd, wide: Wide, from: number, n: number): void {
  run[`exponents${wide}`](from, n, PLACE.counts)
}

/** What was counted since `clearExponents`, of values from `normal` on: smaller ones are denormal in the dtype that they come from. */
export function takeExponents({ counts }: Simd, wide: Wide, normal: number): Exponents | null {
  const at = (slot: number) => {
    let sum = 0
    for (let turn = 0; turn < TURNS; turn++) sum += counts[slot * TURNS + turn] as number
    return sum
  }
  const { count, bias } = FIELDS[wide]
  // the first is of zero and denormals, the last of infinities and NaN
  const positive = Float64Array.from({ length: count - 2 }, (_, i) => at(i + 1))
  const negative = Float64Array.from({ length: count - 2 }, (_, i) => at(count + i + 1))
  const denormal = Math.max(0, Math.log2(normal) - (1 - bias))
  return trimmed(1 - bias, positive.fill(0, 0, denormal), negative.fill(0, 0, denormal))
}
