import type { TensorLook } from '../contract/schemas'
import type { Accumulator, Kernel } from '../core/analysis/kernel'
import type { Picture } from '../core/analysis/picture'
import type { DType } from '../core/checkpoint/dtype'
import { wireStatistics } from './wire/tensor'

const BINS = 64
const PICTURE_SIDE = 96

interface Values {
  readonly dtype: DType
  readonly shape: readonly number[]
  /** All values in row-major order; none where there are no values. */
  readonly blocks: () => AsyncIterable<Uint8Array>
}

/** One pass for the statistics and the picture, one more for the histogram, which needs to know the range. */
export async function lookOf(kernel: Kernel, { dtype, shape, blocks }: Values): Promise<TensorLook> {
  const statistics = kernel.statistics(dtype, { exponents: true })
  const drawing = kernel.picture(dtype, shape, PICTURE_SIDE)
  let isThere = false
  for await (const block of blocks()) {
    isThere = true
    statistics.update(block)
    drawing?.update(block)
  }
  const { min, max } = statistics.result()
  return {
    statistics: wireStatistics(statistics.result()),
    histogram: min === null || max === null ? null : await histogramOf(kernel.histogram(dtype, min, max, BINS)),
    picture: isThere && drawing ? wirePicture(drawing.result()) : null,
  }

  async function histogramOf(bins: Accumulator<ArrayLike<number>>) {
    for await (const block of blocks()) bins.update(block)
    return { min: min as number, max: max as number, counts: Array.from(bins.result()) }
  }
}

export function wirePicture({ width, height, values, extremes }: Picture) {
  return { width, height, values: [...values], extremes: [...extremes] }
}
