import { type DType, itemSize } from '../../checkpoint/dtype'
import { smallestNormal } from '../denormal'
import type { Accumulator, Statistics, StatisticsOptions } from '../kernel'
import { addMoments, type Moments, newMoments, statisticsFrom } from '../moments'
import { clearExponents, countExponents, takeExponents } from './exponents'
import { PLACE, type Simd, type Wide } from './module'
import { padded, place, stepOf, widen, wideOf } from './operand'
import { isTallied, tallying } from './tally'

/** Squares outweigh the squared deviations by no more than this: of the 16 digits of a sum, 14 are then good. */
const FAR = 100

/** Values that are measured together, step by step. The kernels' memory is theirs until their moments are taken. */
export interface Measuring {
  /** Elements of a step at most. */
  readonly step: number
  /** The bytes of a step may lie in the kernels' memory already, and do not survive this. */
  add(block: Uint8Array): void
  moments(): Moments
}

/** Begins to measure `count` elements. */
export function measuring(simd: Simd, dtype: DType, count: number, options: StatisticsOptions): Measuring {
  return isTallied(dtype, count) ? tallying(simd, dtype, options) : stepping(simd, dtype, options)
}

export function simdStatistics(simd: Simd, dtype: DType, options: StatisticsOptions): Accumulator<Statistics> {
  const moments: Moments = { ...newMoments(), ...(options.exponents && { exponents: null }) }
  const size = itemSize(dtype)
  return {
    update(block) {
      const part = measuring(simd, dtype, block.length / size, options)
      const step = part.step * size
      for (let at = 0; at < block.length; at += step) part.add(block.subarray(at, at + step))
      addMoments(moments, part.moments())
    },
    result: () => statisticsFrom(moments),
  }
}

function stepping(simd: Simd, dtype: DType, { exponents }: StatisticsOptions): Measuring {
  const moments = newMoments()
  const [wide, normal] = [wideOf(dtype), smallestNormal(dtype)]
  if (exponents) clearExponents(simd, wide)
  return {
    step: stepOf(dtype),
    add(block) {
      const n = block.length / itemSize(dtype)
      if (n === 0) return
      place(simd, block, PLACE.a, itemSize(dtype))
      const at = widen(simd, dtype, PLACE.a, n, PLACE.wideA, wide)
      if (exponents) countExponents(simd, wide, at, n)
      addMoments(moments, momentsOf(simd, wide, at, n, normal))
    },
    moments: () => (exponents ? { ...moments, exponents: takeExponents(simd, wide, normal) } : moments),
  }
}

function momentsOf(simd: Simd, wide: Wide, at: number, n: number, normal: number): Moments {
  const all = padded(n)
  fill(simd, wide, at, n)
  simd.run[`measure${wide}`](at, all, PLACE.out)
  if (all === n && allFinite(simd)) {
    const moments = momentsFrom(simd, wide, at, n, normal)
    if (moments.deviations * FAR >= moments.squares) return moments
  }
  simd.run[`measureAround${wide}`](at, all, PLACE.out)
  if (allFinite(simd)) return momentsFrom(simd, wide, at, n, normal)

  simd.run[`settle${wide}`](at, n, PLACE.out)
  const [nan, inf] = [simd.out[0] as number, simd.out[1] as number]
  fill(simd, wide, at, n)
  simd.run[`measureAround${wide}`](at, all, PLACE.out)
  return momentsFrom(simd, wide, at, n, normal, nan, inf)
}

/** Kernels take a multiple of eight elements: copies of the first one fill them up. */
function fill({ bytes }: Simd, wide: Wide, at: number, n: number): void {
  const size = wide === 'F64' ? 8 : 4
  for (let to = at + n * size; to < at + padded(n) * size; to += size) bytes.copyWithin(to, at, at + size)
}

/** Whether all that was measured were; if not, that means nothing. */
function allFinite({ out }: Simd): boolean {
  return Number.isFinite((out[0] as number) + (out[1] as number))
}

/**
 * Copies, and what stands for NaN and infinities, are all the first element, from which the others were measured: they add
 * nothing but to what is counted.
 */
function momentsFrom({ run, out }: Simd, wide: Wide, at: number, n: number, normal: number, nan = 0, inf = 0): Moments {
  const finite = n - nan - inf
  const moments = { ...newMoments(), count: n, nan, inf, finite }
  if (finite === 0) return moments
  const [sum, squares, min, max, size, shift] = out as unknown as [number, number, number, number, number, number]
  let [zeros, denormals] = [0, 0]
  if (size === 0 || size < normal) {
    run[`countSmall${wide}`](at, padded(n), normal, PLACE.out)
    const copies = padded(n) - finite
    zeros = (out[0] as number) - (shift === 0 ? copies : 0)
    const small = (out[1] as number) - (Math.abs(shift) < normal ? copies : 0)
    denormals = normal === 0 ? 0 : small - zeros
  }
  return {
    ...moments,
    zeros,
    denormals,
    min,
    max,
    sum: finite * shift + sum,
    deviations: Math.max(0, squares - (sum * sum) / finite),
    squares: Math.max(0, squares + shift * (2 * sum + finite * shift)),
  }
}
