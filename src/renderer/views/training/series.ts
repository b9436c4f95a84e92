import type { z } from 'zod'
import type { point } from '../../../contract/schemas'
import { toNumber } from '../../ui/format'
import { niceTicks } from '../../ui/ticks'

export type Point = z.infer<typeof point>

/** A point of a chart; y is null where the value cannot be drawn (NaN, infinite, or not positive on a log scale). */
export interface Dot {
  readonly x: number
  readonly y: number | null
}

export function dotsOf(points: readonly Point[]): Dot[] {
  return points.map(({ step, value }) => {
    const y = toNumber(value)
    return { x: step, y: Number.isFinite(y) ? y : null }
  })
}

/** Steps whose value was NaN or infinite. */
export function nonFinite(points: readonly Point[]): number[] {
  return points.filter(({ value }) => !Number.isFinite(toNumber(value))).map(({ step }) => step)
}

/**
 * Exponential moving average without the pull towards zero at the start (as TensorBoard smooths: Kingma & Ba 2014, section 3).
 * @param weight of what came before, 0 (the line itself) up to but not 1
 */
export function smooth(dots: readonly Dot[], weight: number): Dot[] {
  let average = 0
  let remaining = 1
  return dots.map(({ x, y }) => {
    if (y === null) return { x, y }
    average = weight * average + (1 - weight) * y
    remaining *= weight
    return { x, y: average / (1 - remaining) }
  })
}

/** At most about `limit` dots: of each stretch the lowest and the highest, so that no spike is lost. */
export function thin(dots: readonly Dot[], limit: number): readonly Dot[] {
  if (dots.length <= limit) return dots
  const stretch = (dots.length / limit) * 2
  const kept: Dot[] = []
  for (let start = 0; start < dots.length; start += stretch) {
    const part = dots.slice(Math.floor(start), Math.floor(start + stretch))
    const [first] = part
    if (!first) continue
    let low = first
    let high = first
    for (const dot of part) {
      if ((dot.y ?? Number.POSITIVE_INFINITY) < (low.y ?? Number.POSITIVE_INFINITY)) low = dot
      if ((dot.y ?? Number.NEGATIVE_INFINITY) > (high.y ?? Number.NEGATIVE_INFINITY)) high = dot
    }
    kept.push(...(low === high ? [low] : low.x < high.x ? [low, high] : [high, low]))
  }
  return kept
}

export interface Line {
  readonly key: string
  readonly name: string
  readonly dots: readonly Dot[]
  /** One of the four chart colours of tokens.css. */
  readonly colour: 1 | 2 | 3 | 4
  /** `faint` is the raw line behind a smoothed one, `abandoned` what an earlier attempt logged and a later one went over again. */
  readonly style?: 'solid' | 'dashed' | 'dotted' | 'faint' | 'abandoned'
  /** Marks each value, for lines of few. */
  readonly marked?: boolean
}

/** One row for each x of any line, with the lines' values by their keys. */
export interface Row {
  readonly x: number
  readonly [key: string]: number | null | undefined
}

export function rowsOf(lines: readonly Line[], { log = false } = {}): Row[] {
  const rows = new Map<number, Record<string, number | null>>()
  for (const { key, dots } of lines) {
    for (const { x, y } of dots) {
      const row = rows.get(x) ?? Object.create(null)
      row[key] = log && y !== null && y <= 0 ? null : y
      rows.set(x, row)
    }
  }
  return [...rows].sort(([a], [b]) => a - b).map(([x, values]) => ({ ...values, x }))
}

/** The span of all values with a little air around it, and round values within. */
export function heightsOf(lines: readonly Line[], { log = false } = {}): { domain: [number, number]; ticks: number[] } {
  let low = Number.POSITIVE_INFINITY
  let high = Number.NEGATIVE_INFINITY
  for (const { dots } of lines) {
    for (const { y } of dots) {
      if (y === null || (log && y <= 0)) continue
      if (y < low) low = y
      if (y > high) high = y
    }
  }
  if (low > high) return { domain: log ? [0.1, 1] : [0, 1], ticks: [] }
  if (log) {
    const domain: [number, number] = [low / 1.08, high * 1.08]
    return { domain, ticks: logTicks(domain) }
  }
  const air = (high - low || Math.abs(high) || 1) * 0.06
  // A line that begins at zero stands on it.
  const domain: [number, number] = [low >= 0 && low < air ? 0 : low - air, high + air]
  return { domain, ticks: niceTicks(domain[0], domain[1], 5) }
}

/** Powers of ten; of a stretch that spans hardly two of them, round numbers between. */
function logTicks([low, high]: readonly [number, number]): number[] {
  const first = Math.ceil(Math.log10(low))
  const last = Math.floor(Math.log10(high))
  if (last - first < 1) return niceTicks(low, high, 5).filter((tick) => tick > 0)
  const every = Math.ceil((last - first + 1) / 6)
  return Array.from({ length: Math.floor((last - first) / every) + 1 }, (_, i) => 10 ** (first + i * every))
}
