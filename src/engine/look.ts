import type { TensorLook } from '../contract/schemas'
import type { Kernel } from '../core/analysis/kernel'
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
export async function lookOf(kernel: Kernel, values: Values): Promise<TensorLook> {
  const [look] = await looksOf(kernel, [values])
  return look as TensorLook
}

/** As `lookOf` for each of some tensors, their histograms in the same bins: from the lowest value of all to the highest. */
export async function looksOf(kernel: Kernel, all: readonly Values[]): Promise<TensorLook[]> {
  const measured: (Omit<TensorLook, 'histogram'> & { readonly min: number | null; readonly max: number | null })[] = []
  for (const values of all) measured.push(await measuredOf(kernel, values))
  const min = Math.min(...measured.map((each) => each.min ?? Infinity))
  const max = Math.max(...measured.map((each) => each.max ?? -Infinity))
  const looks: TensorLook[] = []
  for (const [i, { statistics, picture, ...own }] of measured.entries()) {
    const hasRange = own.min !== null && own.max !== null
    const histogram = hasRange ? await histogramOf(kernel, all[i] as Values, min, max) : null
    looks.push({ statistics, histogram, picture })
  }
  return looks
}

async function measuredOf(kernel: Kernel, { dtype, shape, blocks }: Values) {
  const statistics = kernel.statistics(dtype, { exponents: true })
  const drawing = kernel.picture(dtype, shape, PICTURE_SIDE)
  let isThere = false
  for await (const block of blocks()) {
    isThere = true
    statistics.update(block)
    drawing?.update(block)
  }
  const { min, max } = statistics.result()
  const picture = isThere && drawing ? wirePicture(drawing.result()) : null
  return { min, max, statistics: wireStatistics(statistics.result()), picture }
}

async function histogramOf(kernel: Kernel, { dtype, blocks }: Values, min: number, max: number) {
  const bins = kernel.histogram(dtype, min, max, BINS)
  for await (const block of blocks()) bins.update(block)
  return { min, max, counts: Array.from(bins.result()) }
}

export function wirePicture({ width, height, values, extremes }: Picture) {
  return { width, height, values: [...values], extremes: [...extremes] }
}
