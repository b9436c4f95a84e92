import type { ComparisonOptions } from '../kernel'
import type { PairSums } from '../pair-sums'
import type { Span } from './part'

/** Pairs that are remembered; the oldest go first. */
const MOST = 10_000

/**
 * What large pairs had lately: to compare the same files again, or with their sides exchanged, then reads none of them. A file is
 * the one it was as long as its size and its time are.
 */
export class KnownPairs {
  readonly #sums = new Map<string, PairSums>()

  put(a: Span, b: Span, count: number, options: ComparisonOptions, sums: PairSums): void {
    const [oldest] = this.#sums.size < MOST ? [] : this.#sums.keys()
    if (oldest !== undefined) this.#sums.delete(oldest)
    if (a.file.ino !== 0 && b.file.ino !== 0) this.#sums.set(keyOf(a, b, count, options), sums)
  }

  get(a: Span, b: Span, count: number, options: ComparisonOptions): PairSums | undefined {
    const known = this.#sums.get(keyOf(a, b, count, options))
    // a relative tolerance goes by the left side
    if (known || options.tolerance?.rtol) return known
    const turned = this.#sums.get(keyOf(b, a, count, options))
    return turned && exchanged(turned)
  }
}

function keyOf(a: Span, b: Span, count: number, { tolerance, ulp = false }: ComparisonOptions): string {
  return [placeOf(a), placeOf(b), count, tolerance?.atol, tolerance?.rtol, ulp].join(' ')
}

function placeOf({ file, offset, dtype }: Span): string {
  return `${file.dev}:${file.ino}:${file.size}:${file.mtimeMs}:${offset}:${dtype}`
}

/** The same with b in a's place. */
function exchanged(sums: PairSums): PairSums {
  return { ...sums, a: sums.b, b: sums.a, becameNan: sums.wasNan, wasNan: sums.becameNan }
}
