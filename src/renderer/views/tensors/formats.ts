import type { Exponents, Statistics } from '../../../contract/schemas'

/** A floating dtype by the binary exponents that it can hold. */
export interface Format {
  readonly dtype: string
  /** As the picture calls it. */
  readonly name: string
  /** Of the smallest normal value. */
  readonly lowest: number
  /** Of the largest. */
  readonly highest: number
  readonly largest: number
  /** Stored bits of the significand: denormals reach so many powers of two below the smallest normal value. */
  readonly digits: number
}

/** torch.finfo of each. */
export const FORMATS: readonly Format[] = [
  { dtype: 'bfloat16', name: 'bf16', lowest: -126, highest: 127, largest: (2 - 2 ** -7) * 2 ** 127, digits: 7 },
  { dtype: 'float16', name: 'f16', lowest: -14, highest: 15, largest: 65504, digits: 10 },
  { dtype: 'float8_e5m2', name: 'f8 e5m2', lowest: -14, highest: 15, largest: 57344, digits: 2 },
  { dtype: 'float8_e4m3fn', name: 'f8 e4m3', lowest: -6, highest: 8, largest: 448, digits: 3 },
]

/** What values may be kept as: the exponent of the smallest normal one, and the stored bits of the significand. */
const KEPT: Record<string, { readonly lowest: number; readonly digits: number }> = {
  float64: { lowest: -1022, digits: 52 },
  float32: { lowest: -126, digits: 23 },
  float8_e5m2fnuz: { lowest: -15, digits: 2 },
  float8_e4m3fnuz: { lowest: -7, digits: 3 },
  ...Object.fromEntries(FORMATS.map((format) => [format.dtype, format])),
}

/** What of some values does not survive in another format, beside the rounding of all of them. */
export interface Loss {
  /** Beyond the largest value: as many at least, for the exponent alone does not tell it of those just below. */
  readonly overflow: number
  /** Too small for any value but 0. */
  readonly zero: number
  /** Between: they become denormal, with fewer digits than they have. In their own format: those that are so already. */
  readonly denormal: number
}

/** `dtype` is what the values are kept as now; undefined for those that have no exponents of their own. */
export function lossOf(dtype: string, statistics: Statistics, exponents: Exponents, format: Format): Loss | undefined {
  const kept = KEPT[dtype]
  if (!kept) return undefined
  const { denormals = 0 } = statistics
  if (dtype === format.dtype) return { overflow: 0, zero: 0, denormal: denormals }
  const loss = { overflow: 0, zero: 0, denormal: 0 }
  // a wider significand has digits to spare for values below its smallest normal one
  const least = format.lowest - Math.max(0, format.digits - kept.digits)
  const put = (exponent: number, count: number) => {
    if (exponent > format.highest) loss.overflow += count
    else if (exponent < format.lowest - format.digits - 1) loss.zero += count
    else if (exponent < least) loss.denormal += count
  }
  for (const [i, count] of exponents.positive.entries()) put(exponents.first + i, count + (exponents.negative[i] ?? 0))
  // of these only the range is known: the largest of them tell
  put(kept.lowest - 1, denormals)
  const size = Math.max(Math.abs(Number(statistics.min)), Math.abs(Number(statistics.max)))
  if (loss.overflow === 0 && size > format.largest) loss.overflow = 1
  return loss
}
