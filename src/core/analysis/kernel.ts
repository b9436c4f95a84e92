import type { DType } from '../checkpoint/dtype'
import type { Tensor } from '../checkpoint/tensor'
import type { Exponents } from './exponents'
import type { Picture } from './picture'

/**
 * Numbers over blocks of contiguous little-endian elements. Implementations are swappable (`reference.ts` is the oracle);
 * none knows a checkpoint. Feed blocks in order, of any whole number of elements, then take the result.
 */
export interface Kernel {
  statistics(dtype: DType, options?: StatisticsOptions): Accumulator<Statistics>
  comparison(a: DType, b: DType, options?: ComparisonOptions): PairAccumulator<Comparison>
  /** Equal-width bins over [min, max]; values outside and non-finite ones are not counted. */
  histogram(dtype: DType, min: number, max: number, bins: number): Accumulator<Float64Array>
  /**
   * A small picture of a tensor: the last dimension across, all others down, no more than `side` cells either way. Feed it all
   * blocks in order. Undefined for complex numbers, which have no order to colour by, and for tensors without elements.
   */
  picture(dtype: DType, shape: readonly number[], side: number): Accumulator<Picture> | undefined
  /**
   * 32 hexadecimal digits of any bytes, the same for the same ones, by which to find equal blocks: some 10 GB/s, but no digest.
   * Bytes can be made that agree in it, so nothing may rest on it alone, and it is never shown or stored.
   */
  checksum(bytes: Uint8Array): string
  /**
   * Statistics of a whole tensor, for kernels that read for themselves; undefined for a tensor that this one does not.
   * Throws as `readBlocks`.
   */
  statisticsOf?(tensor: Tensor, options: WholeOptions): Promise<Statistics | undefined>
  /** The same of two tensors of one shape. */
  comparisonOf?(a: Tensor, b: Tensor, options: WholeOptions): Promise<Comparison | undefined>
}

export interface WholeOptions extends StatisticsOptions, ComparisonOptions {
  readonly signal?: AbortSignal
  /** Hears how many more bytes, of both sides, were read. */
  readonly onBytes?: (bytes: number) => void
}

export interface StatisticsOptions {
  /** Count exponents as well: half as much work again, for values of up to 16 bits almost none. */
  readonly exponents?: boolean
}

export interface ComparisonOptions {
  /** Count the values for which |b - a| <= atol + rtol |a| does not hold. */
  readonly tolerance?: { readonly atol: number; readonly rtol: number }
  /** Measure distances in representable values, between equal floating dtypes. */
  readonly ulp?: boolean
}

export interface Accumulator<Result> {
  update(block: Uint8Array): void
  result(): Result
}

export interface PairAccumulator<Result> {
  /** Both blocks hold the same number of elements, each in its own dtype. */
  update(a: Uint8Array, b: Uint8Array): void
  result(): Result
}

/** min, max, mean, std (population), l2 over the finite values in float64; null when there are none, or for complex values. */
export interface Statistics {
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  readonly std: number | null
  readonly l2: number | null
  readonly zeros: number
  readonly nan: number
  readonly inf: number
  /** Values other than zero that are smaller than the smallest normal one of the dtype; 0 for dtypes that have none. */
  readonly denormals: number
  /** Of 64-bit integers as float64 rounds them; null where no value has any, or for complex ones. Told where it was asked for. */
  readonly exponents?: Exponents | null
}

/** b against a. Differences are taken in float64 over pairs where both values are finite. */
export interface Comparison {
  readonly count: number
  /** Elements whose values differ (NaN equals NaN; -0 equals 0). */
  readonly changed: number
  readonly maxAbs: number
  readonly meanAbs: number
  readonly rms: number
  /** |b - a| / |a| in L2; null when |a| is 0 and b differs. */
  readonly relL2: number | null
  /** null when either side has no length. */
  readonly cosine: number | null
  /** Pairs left out of the differences because a value was NaN or infinite. */
  readonly nonFinite: number
  /** Elements that are NaN in b only, and in a only. */
  readonly becameNan: number
  readonly wasNan: number
  /** Elements beyond the tolerance; null where none was given. An infinity or NaN on one side is beyond any. */
  readonly beyond: number | null
  /**
   * The greatest number of steps from a value to the next representable one that lead from a to b, over finite pairs (0 and -0
   * are one value; rounded to float64 beyond 2^53); null where it was not asked for, or where there is no such number.
   */
  readonly maxUlp: number | null
}
