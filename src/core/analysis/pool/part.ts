import { isEqual } from '../../bytes/equal'
import type { FileOnDisk } from '../../bytes/source'
import { type DType, itemSize } from '../../checkpoint/dtype'
import { AssayError } from '../../errors'
import type { ComparisonOptions, StatisticsOptions } from '../kernel'
import type { Moments } from '../moments'
import { addPairSums, newPairSums, type PairSums } from '../pair-sums'
import { pairSumsOf } from '../simd/comparison'
import { PLACE, type Simd } from '../simd/module'
import { stepOf } from '../simd/operand'
import { measuring } from '../simd/statistics'

/** Contiguous elements in a file: `offset` is the byte that the first begins at. */
export interface Span {
  readonly file: FileOnDisk
  readonly offset: number
  readonly dtype: DType
}

/** What one thread does at a time: `count` elements of one tensor, or of both of a pair. */
export interface Part {
  readonly a: Span
  /** Compare with these; without them, measure. */
  readonly b?: Span
  readonly count: number
  readonly options: StatisticsOptions & ComparisonOptions
  /** Measure a pair also where all its bytes are the same. */
  readonly thorough?: boolean
}

/** `same`: how many elements there are, of two sides of the same bytes. Nothing else is known of them. */
export type Sums = { readonly moments: Moments } | { readonly pairs: PairSums } | { readonly same: number }

/** Fills `target` from a byte offset of a file. */
export type ReadFile = (file: FileOnDisk, offset: number, target: Uint8Array) => void

/**
 * Does a part: reads step by step into the kernels' memory, and asks before each whether to stop. Throws as `read`, and
 * `cancelled`.
 */
export function doPart(simd: Simd, part: Part, read: ReadFile, stopped: () => boolean): Sums {
  const { a, b, count, options, thorough } = part
  const pairs = newPairSums()
  const measured = b ? undefined : measuring(simd, a.dtype, count, options)
  const step = measured ? measured.step : stepOf(a.dtype, (b ?? a).dtype)
  const take = ({ file, offset, dtype }: Span, from: number, n: number, place: number) => {
    const size = itemSize(dtype)
    const target = simd.bytes.subarray(place, place + n * size)
    read(file, offset + from * size, target)
    return target
  }
  // To compare bytes costs little beside reading them, to measure them twice as much.
  let same = a.dtype === b?.dtype && !thorough
  for (let from = 0; from < count; from += step) {
    if (stopped()) throw new AssayError('cancelled', 'Cancelled')
    const n = Math.min(step, count - from)
    const block = take(a, from, n, PLACE.a)
    measured?.add(block)
    if (b) {
      const other = take(b, from, n, PLACE.b)
      if (same && isEqual(block, other)) continue
      if (same && from > 0) return doPart(simd, { ...part, thorough: true }, read, stopped)
      same = false
      addPairSums(pairs, pairSumsOf(simd, a.dtype, b.dtype, block, other, options))
    }
  }
  if (measured) return { moments: measured.moments() }
  return same ? { same: count } : { pairs }
}
