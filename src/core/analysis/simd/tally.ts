import { type DType, itemSize } from '../../checkpoint/dtype'
import { decodeValues } from '../decode-values'
import { smallestNormal } from '../denormal'
import { ExponentCounts } from '../exponents'
import type { StatisticsOptions } from '../kernel'
import { type Moments, newMoments } from '../moments'
import { PLACE, type Simd, STEP_BYTES } from './module'
import { place } from './operand'
import type { Measuring } from './statistics'

/** Whether it takes less to count patterns, and to go through all there are, than to measure so many values. */
export function isTallied(dtype: DType, count: number): boolean {
  const size = itemSize(dtype)
  return size === 1 || (size === 2 && count >= 2 ** 16)
}

/** Measures values of 8 or 16 bits by counting how often each pattern occurs. */
export function tallying(simd: Simd, dtype: DType, options: StatisticsOptions): Measuring {
  const { run, counts, bytes } = simd
  const size = itemSize(dtype)
  const [tally, collect] = size === 1 ? [run.tally8, run.collect8] : [run.tally16, run.collect16]
  counts.fill(0, 0, 2 * 2 ** (8 * size))
  return {
    step: STEP_BYTES / size,
    add(block) {
      place(simd, block, PLACE.a, size)
      tally(PLACE.a, block.length / size, PLACE.counts)
    },
    moments() {
      const found = collect(PLACE.counts, PLACE.wideA)
      const values = decodeValues(dtype, bytes.subarray(PLACE.wideA, PLACE.wideA + found * size))
      return momentsOf(values, counts, smallestNormal(dtype), options)
    },
  }
}

/** Of values each of which occurs as often as `counts` says. */
function momentsOf(values: Float64Array, counts: Uint32Array, normal: number, options: StatisticsOptions): Moments {
  const moments = newMoments()
  const exponents = options.exponents ? new ExponentCounts() : undefined
  for (let i = 0; i < values.length; i++) {
    const [value, times] = [values[i] as number, counts[i] as number]
    moments.count += times
    if (value - value !== 0) {
      if (Number.isNaN(value)) moments.nan += times
      else moments.inf += times
      continue
    }
    moments.finite += times
    moments.min = Math.min(moments.min, value)
    moments.max = Math.max(moments.max, value)
    moments.sum += value * times
    moments.squares += value * value * times
    if (value === 0) moments.zeros += times
    else if (Math.abs(value) < normal) moments.denormals += times
    else exponents?.add(value, times)
  }
  const mean = moments.sum / moments.finite
  for (let i = 0; i < values.length; i++) {
    const apart = (values[i] as number) - mean
    if (apart - apart === 0) moments.deviations += apart * apart * (counts[i] as number)
  }
  return { ...moments, ...(exponents && { exponents: exponents.result() }) }
}
