/**
 * How often which binary exponents occur, by sign: where values crowd in the range of a dtype, and what another would not hold.
 * `positive[i]` counts the values from 2 ** (first + i) up to twice that, `negative[i]` their negatives; both are as long, and
 * neither begins nor ends with a bin that is empty on both sides. Normal values only: with the zeros, denormals, NaN and
 * infinities they make up all.
 */
export interface Exponents {
  readonly first: number
  readonly positive: readonly number[]
  readonly negative: readonly number[]
}

/** Smallest exponent that a normal float64 has, and how many there are. */
const LOWEST = -1022
const NORMAL = 2046

/** Counts values one by one. */
export class ExponentCounts {
  readonly #positive = new Float64Array(NORMAL)
  readonly #negative = new Float64Array(NORMAL)
  readonly #value = new Float64Array(1)
  readonly #words = new Uint32Array(this.#value.buffer)

  /** `value` is a normal float64, `times` how often it occurs. */
  add(value: number, times = 1): void {
    this.#value[0] = value
    const bin = (((this.#words[1] as number) >>> 20) & 0x7ff) - 1
    const counts = value < 0 ? this.#negative : this.#positive
    counts[bin] = (counts[bin] as number) + times
  }

  result(): Exponents | null {
    return trimmed(LOWEST, this.#positive, this.#negative)
  }
}

/** Without the empty bins at both ends; null where all are empty. */
export function trimmed(first: number, positive: Float64Array, negative: Float64Array): Exponents | null {
  const isEmpty = (bin: number) => positive[bin] === 0 && negative[bin] === 0
  let from = 0
  let to = positive.length
  while (from < to && isEmpty(from)) from++
  while (to > from && isEmpty(to - 1)) to--
  if (from === to) return null
  return { first: first + from, positive: [...positive.slice(from, to)], negative: [...negative.slice(from, to)] }
}

/** Of both together. */
export function addExponents(a: Exponents | null, b: Exponents | null): Exponents | null {
  if (!a || !b) return a ?? b
  const first = Math.min(a.first, b.first)
  const length = Math.max(a.first + a.positive.length, b.first + b.positive.length) - first
  const sum = (sign: 'positive' | 'negative') => {
    const counts = new Array<number>(length).fill(0)
    for (const part of [a, b]) {
      for (const [i, count] of part[sign].entries())
        counts[part.first - first + i] = (counts[part.first - first + i] ?? 0) + count
    }
    return counts
  }
  return { first, positive: sum('positive'), negative: sum('negative') }
}
