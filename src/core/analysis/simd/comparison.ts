import { type DType, itemSize } from '../../checkpoint/dtype'
import type { Comparison, ComparisonOptions, PairAccumulator } from '../kernel'
import { addPairSums, comparisonFrom, newPairSums, type PairSums } from '../pair-sums'
import { type Lanes, PLACE, type Simd, type Wide } from './module'
import { lanesOf, padded, place, stepOf, widen, wideOf } from './operand'

/** Patterns of float16 without their sign: this and more are infinities and NaN. */
const SPECIAL_F16 = 0x7c00

/** a b as (a² + b² - (b - a)²) / 2 keeps its digits where neither side outweighs the other by more than this, squared. */
const LOPSIDED = 1e4

export function simdComparison(
  simd: Simd,
  a: DType,
  b: DType,
  options: ComparisonOptions,
): PairAccumulator<Comparison> {
  const sums = newPairSums()
  const [sizeA, sizeB] = [itemSize(a), itemSize(b)]
  const step = stepOf(a, b)
  return {
    update(blockA, blockB) {
      const n = blockA.length / sizeA
      if (n !== blockB.length / sizeB) {
        throw new RangeError(`${n} values of ${a} against ${blockB.length / sizeB} of ${b}`)
      }
      for (let from = 0; from < n; from += step) {
        const x = blockA.subarray(from * sizeA, (from + step) * sizeA)
        addPairSums(sums, pairSumsOf(simd, a, b, x, blockB.subarray(from * sizeB, (from + step) * sizeB), options))
      }
    },
    result: () => comparisonFrom(sums, { ...options, ulp: options.ulp === true && measuresUlp(a, b) }),
  }
}

/** Whether distances in representable values of these dtypes are measured here. */
export function measuresUlp(a: DType, b: DType): boolean {
  return a === b && lanesOf(a) !== undefined
}

/** Of one step of elements at most. Their bytes may lie in the kernels' memory already, and do not survive this. */
export function pairSumsOf(
  simd: Simd,
  a: DType,
  b: DType,
  blockA: Uint8Array,
  blockB: Uint8Array,
  { tolerance, ulp }: ComparisonOptions,
): PairSums {
  const n = blockA.length / itemSize(a)
  const sums = { ...newPairSums(), count: n }
  if (n === 0) return sums
  const { run, out } = simd
  place(simd, blockA, PLACE.a, itemSize(a))
  place(simd, blockB, PLACE.b, itemSize(b))
  const exact = a === b && (a === 'int64' || a === 'uint64') ? run.differing64(PLACE.a, PLACE.b, n) : undefined
  if (ulp && measuresUlp(a, b)) sums.maxUlp = furthest(simd, a, n)

  const wide = wideOf(a, b)
  const lanes = a === b && !tolerance ? lanesOf(a) : undefined
  const widened = (): readonly [number, number] => [
    widenPair(simd, a, PLACE.a, n, PLACE.wideA, wide),
    widenPair(simd, b, PLACE.b, n, PLACE.wideB, wide),
  ]
  let [x, y]: readonly [number, number] = lanes ? [PLACE.a, PLACE.b] : widened()
  let measured: Lanes = lanes ?? wide
  if (!compare(simd, measured, x, y, n)) {
    if (measured !== wide) [x, y] = widened()
    measured = wide
    run[`settlePairs${wide}`](x, y, n, PLACE.out)
    sums.nonFinite = out[0] as number
    sums.changed = out[1] as number
    sums.becameNan = out[2] as number
    sums.wasNan = out[3] as number
    if (tolerance) sums.beyond = sums.changed
    compare(simd, wide, x, y, n)
  }
  sums.changed = exact ?? sums.changed + (out[0] as number)
  sums.maxAbs = out[1] as number
  sums.abs = out[2] as number
  sums.square = out[3] as number
  sums.a = out[4] as number
  sums.b = out[5] as number
  sums.dot = (sums.a + sums.b - sums.square) / 2
  if (lopsided(sums)) {
    if (measured !== wide) [x, y] = widened()
    sums.dot = run[`dot${wide}`](x, y, padded(n))
  }
  if (tolerance) sums.beyond += beyond(simd, wide, x, y, n, tolerance)
  return sums
}

/** Zero bytes fill the elements up, and not every dtype's zero is a zero byte. */
function widenPair(simd: Simd, dtype: DType, from: number, n: number, to: number, wide: Wide): number {
  const at = widen(simd, dtype, from, n, to, wide)
  const width = wide === 'F64' ? 8 : 4
  simd.bytes.fill(0, at + n * width, at + padded(n) * width)
  return at
}

/** Whether all were finite; if not, what was measured means nothing. */
function compare({ run, out }: Simd, lanes: Lanes, x: number, y: number, n: number): boolean {
  run[`compare${lanes}`](x, y, padded(n), PLACE.counts, PLACE.out)
  if (lanes === 'F16' && (out[6] as number) >= 2 * SPECIAL_F16) return false
  return Number.isFinite((out[3] as number) + (out[4] as number) + (out[5] as number))
}

function lopsided({ a, b }: PairSums): boolean {
  return a > b * LOPSIDED || b > a * LOPSIDED
}

function beyond({ run }: Simd, wide: Wide, x: number, y: number, n: number, { atol, rtol }: Tolerance): number {
  return run[`beyond${wide}`](x, y, n, atol, rtol)
}

type Tolerance = NonNullable<ComparisonOptions['tolerance']>

function furthest({ run }: Simd, dtype: DType, n: number): number {
  if (dtype === 'float64') return run.furthest64(PLACE.a, PLACE.b, n)
  if (dtype === 'float32') return run.furthest32(PLACE.a, PLACE.b, n)
  return run.furthest16(PLACE.a, PLACE.b, n, dtype === 'float16' ? SPECIAL_F16 : 0x7f80)
}
