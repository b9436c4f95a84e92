import { type DType, itemSize } from '../../checkpoint/dtype'
import type { Accumulator } from '../kernel'
import { PLACE, type Simd } from './module'
import { place, stepOf, widen, wideOf } from './operand'

/** Most bins that the kernels' memory has room for. */
export const MOST_BINS = 4096

export function simdHistogram(
  simd: Simd,
  dtype: DType,
  min: number,
  max: number,
  bins: number,
): Accumulator<Float64Array> {
  const totals = new Float64Array(bins)
  const size = itemSize(dtype)
  const step = stepOf(dtype) * size
  const wide = wideOf(dtype)
  // halves, so that the width of a range over all of float64 does not overflow
  const half = max / 2 - min / 2
  const perHalf = half > 0 ? bins / half : 0
  return {
    update(block) {
      const counts = simd.counts.subarray(0, bins).fill(0)
      for (let at = 0; at < block.length; at += step) {
        const part = block.subarray(at, at + step)
        place(simd, part, PLACE.a, size)
        const n = part.length / size
        const values = widen(simd, dtype, PLACE.a, n, PLACE.wideA, wide)
        simd.run[`histogram${wide}`](values, n, min, max, perHalf, bins, PLACE.counts)
      }
      for (let i = 0; i < bins; i++) totals[i] = (totals[i] as number) + (counts[i] as number)
    },
    result: () => totals,
  }
}
