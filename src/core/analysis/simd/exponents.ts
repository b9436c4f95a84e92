import { type DType, itemSize } from '../../checkpoint/dtype'
import { decodeValues } from '../decode-values'
import { smallestNormal } from '../denormal'
import { ExponentCounts, type Exponents, trimmed } from '../exponents'
import { type Lanes, PLACE, type Simd } from './module'
import { lanesOf, wideOf } from './operand'

/** Fields for an exponent in a pattern, and what is taken from it to have the exponent. */
const FIELDS: Record<Lanes, { count: number; bias: number }> = {
  F16: { count: 32, bias: 15 },
  BF16: { count: 256, bias: 127 },
  F32: { count: 256, bias: 127 },
  F64: { count: 2048, bias: 1023 },
}
/** Words that take turns in counting one pattern. */
const TURNS = 4
const PATTERNS = Uint8Array.from({ length: 256 }, (_, pattern) => pattern)

/** Makes room for the counts of a dtype: from here to `takeExponents` they stay in the kernels' memory. */
export function clearExponents({ counts }: Simd, dtype: DType): void {
  counts.fill(0, 0, TURNS * slotsOf(dtype))
}

/** Counts n elements, that lie at `from` as they were stored and at `widened` as kernels take them. */
export function countExponents({ run }: Simd, dtype: DType, from: number, widened: number, n: number): void {
  if (itemSize(dtype) === 1) run.exponents8(from, n, PLACE.counts)
  else run[`exponents${lanesFor(dtype)}`](widened, n, PLACE.counts)
}

/** What was counted since `clearExponents`. */
export function takeExponents(simd: Simd, dtype: DType): Exponents | null {
  const at = (slot: number) => {
    let sum = 0
    for (let turn = 0; turn < TURNS; turn++) sum += simd.counts[slot * TURNS + turn] as number
    return sum
  }
  if (itemSize(dtype) === 1) return ofPatterns(dtype, at)
  const { count, bias } = FIELDS[lanesFor(dtype)]
  // the first is of zero and denormals, the last of infinities and NaN
  const positive = Float64Array.from({ length: count - 2 }, (_, i) => at(i + 1))
  const negative = Float64Array.from({ length: count - 2 }, (_, i) => at(count + i + 1))
  return trimmed(1 - bias, positive, negative)
}

function ofPatterns(dtype: DType, at: (pattern: number) => number): Exponents | null {
  const counts = new ExponentCounts()
  const normal = smallestNormal(dtype)
  for (const [pattern, value] of decodeValues(dtype, PATTERNS).entries()) {
    const times = at(pattern)
    if (times > 0 && value !== 0 && Number.isFinite(value) && Math.abs(value) >= normal) counts.add(value, times)
  }
  return counts.result()
}

function slotsOf(dtype: DType): number {
  return itemSize(dtype) === 1 ? PATTERNS.length : 2 * FIELDS[lanesFor(dtype)].count
}

function lanesFor(dtype: DType): Lanes {
  return lanesOf(dtype) ?? wideOf(dtype)
}
