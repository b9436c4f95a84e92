import type { Dot } from './series'

export type Range = readonly [from: number, to: number]

/** From the lowest to the highest of all numbers; null where there is no stretch between them. */
export function rangeOf(numbers: Iterable<number>): Range | null {
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  for (const number of numbers) {
    if (number < from) from = number
    if (number > to) to = number
  }
  return to > from ? [from, to] : null
}

/** A stretch made longer or shorter about its middle, within `extent`; null once that is all of it. */
export function scaled([from, to]: Range, factor: number, extent: Range): Range | null {
  const middle = (from + to) / 2
  const half = ((to - from) / 2) * factor
  return within([middle - half, middle + half], extent)
}

/** A stretch moved by a part of its length, as far as `extent` goes. */
export function moved([from, to]: Range, part: number, extent: Range): Range | null {
  const by = Math.min(Math.max((to - from) * part, extent[0] - from), extent[1] - to)
  return within([from + by, to + by], extent)
}

/** The part of a stretch that lies in `extent`; null for all of it and for none. */
export function within([from, to]: Range, extent: Range): Range | null {
  const cut: Range = [Math.max(from, extent[0]), Math.min(to, extent[1])]
  const isAll = cut[0] <= extent[0] && cut[1] >= extent[1]
  return isAll || !(cut[1] > cut[0]) ? null : cut
}

/** The dots of a stretch and the nearest on either side of it, so that lines go on to its edges. Dots are in order of x. */
export function dotsWithin(dots: readonly Dot[], range: Range | null): readonly Dot[] {
  if (!range) return dots
  const start = dots.findIndex(({ x }) => x >= range[0])
  if (start < 0) return dots.slice(-1)
  const end = dots.findIndex(({ x }) => x > range[1])
  return dots.slice(Math.max(0, start - 1), end < 0 ? dots.length : end + 1)
}
