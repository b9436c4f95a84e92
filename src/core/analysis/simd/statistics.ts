import { type DType, itemSize } from '../../checkpoint/dtype'
import { smallestNormal } from '../denormal'
import type { Accumulator, Statistics, StatisticsOptions } from '../kernel'
import { addMoments, type Moments, newMoments, statisticsFrom } from '../moments'
import { clearExponents, countExponents, takeExponents } from './exponents'
import { type Lanes, PLACE, type Simd } from './module'
import { lanesOf, padded, place, stepOf, widen, wideOf } from './operand'

/** Largest finite float16; what kernels make of its infinities and NaN lies beyond. */
const LARGEST_F16 = 65504

/** Only zero is smaller. */
const SMALLEST_F32 = 2 ** -149

/** Squares outweigh the squared deviations by no more than this: of the 16 digits of a sum, 14 are then good. */
const FAR = 100

export function simdStatistics(simd: Simd, dtype: DType, options: StatisticsOptions): Accumulator<Statistics> {
  const moments: Moments = { ...newMoments(), ...(options.exponents && { exponents: null }) }
  const step = stepOf(dtype) * itemSize(dtype)
  return {
    update(block) {
      if (options.exponents) clearExponents(simd, dtype)
      for (let at = 0; at < block.length; at += step) {
        addMoments(moments, momentsOf(simd, dtype, block.subarray(at, at + step), options))
      }
      if (options.exponents) addMoments(moments, { ...newMoments(), exponents: takeExponents(simd, dtype) })
    },
    result: () => statisticsFrom(moments),
  }
}

/**
 * Of one step of elements at most. Their bytes may lie in the kernels' memory already, and do not survive this. Exponents are
 * added to what `clearExponents` has cleared.
 */
export function momentsOf(simd: Simd, dtype: DType, block: Uint8Array, { exponents }: StatisticsOptions): Moments {
  const size = itemSize(dtype)
  const n = block.length / size
  if (n === 0) return newMoments()
  place(simd, block, PLACE.a, size, 'first')
  const [lanes, wide, normal] = [lanesOf(dtype), wideOf(dtype), smallestNormal(dtype)]
  const at = lanes ? PLACE.a : widen(simd, dtype, PLACE.a, n, PLACE.wideA, wide)
  if (exponents) countExponents(simd, dtype, PLACE.a, at, n)
  const all = padded(n)
  const plain = lanes ?? wide
  const quick = all === n && plain !== 'F64' ? quickMoments(simd, plain, at, n, normal) : undefined
  if (quick) return quick
  if (measureAround(simd, plain, at, all, normal)) return momentsFrom(simd, n, 0, 0, normal)

  const settled = widen(simd, dtype, PLACE.a, n, PLACE.wideA, wide)
  simd.run[`settle${wide}`](settled, n, PLACE.out)
  const [nan, inf] = [simd.out[0] as number, simd.out[1] as number]
  const width = wide === 'F64' ? 8 : 4
  for (let i = n; i < all; i++) simd.bytes.copyWithin(settled + i * width, settled, settled + width)
  measureAround(simd, wide, settled, all, normal)
  return momentsFrom(simd, n, nan, inf, normal)
}

/**
 * Of values that are all finite and not so far from zero that their squares, from which those of their deviations are taken,
 * would have too few digits for that. Undefined for others. `n` is a multiple of 8.
 */
function quickMoments(
  { run, out }: Simd,
  lanes: 'F32' | 'F16' | 'BF16',
  at: number,
  n: number,
  normal: number,
): Moments | undefined {
  run[`measure${lanes}`](at, n, normal || SMALLEST_F32, PLACE.out)
  const [sum, squares, min, max, tiny] = out as unknown as [number, number, number, number, number]
  if (!Number.isFinite(sum + squares) || (lanes === 'F16' && beyondF16(min, max))) return undefined
  const deviations = squares - (sum * sum) / n
  if (deviations * FAR < squares) return undefined
  const zeros = tiny === 0 ? 0 : run[`zeros${lanes}`](at, n)
  const denormals = normal === 0 ? 0 : tiny - zeros
  return { ...newMoments(), count: n, finite: n, zeros, denormals, min, max, sum, deviations, squares }
}

function beyondF16(min: number, max: number): boolean {
  return !(min >= -LARGEST_F16 && max <= LARGEST_F16)
}

/** Whether all were finite; if not, what was measured means nothing. */
function measureAround({ run, out }: Simd, lanes: Lanes, at: number, n: number, normal: number): boolean {
  run[`measureAround${lanes}`](at, n, normal, PLACE.out)
  if (lanes === 'F16' && beyondF16(out[2] as number, out[3] as number)) return false
  return Number.isFinite((out[0] as number) + (out[1] as number))
}

/**
 * The kernel was given a multiple of eight elements: those that fill it up, and those that stand for NaN and infinities, are
 * all the first element, and so far from it as to add nothing but to what is counted.
 */
function momentsFrom({ out }: Simd, n: number, nan: number, inf: number, normal: number): Moments {
  const [sum, squares, min, max, tiny, first, zeros] = out as unknown as [
    number,
    number,
    number,
    number,
    number,
    number,
    number,
  ]
  const finite = n - nan - inf
  const copies = padded(n) - finite
  const moments = { ...newMoments(), count: n, nan, inf, finite }
  if (finite === 0) return moments
  const zero = zeros - (first === 0 ? copies : 0)
  const below = tiny - (Math.abs(first) < normal ? copies : 0)
  return {
    ...moments,
    zeros: zero,
    denormals: normal === 0 ? 0 : below - zero,
    min,
    max,
    sum: finite * first + sum,
    deviations: Math.max(0, squares - (sum * sum) / finite),
    squares: Math.max(0, squares + first * (2 * sum + finite * first)),
  }
}
