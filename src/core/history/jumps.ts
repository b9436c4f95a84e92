import type { Point } from './points'

/** A place where a series leaves its course: to values far above it that stay there, or to no numbers at all. */
export interface Jump {
  readonly series: string
  readonly step: number
  readonly from: number
  readonly to: number
}

/** Steps before a jump that tell how much the series usually moves, and how many after it must stay high. */
const BEFORE = 20
const AT_LEAST = 5
const AFTER = 3
/** A jump is this many times the usual move between two points ... */
const TIMES_USUAL = 8
/** ... and at least this part of the level it left. */
const PART_OF_LEVEL = 0.2

/**
 * Jumps of a series in order of steps. Upward only, and only where the values stay up: single spikes are everyday life in
 * training, a sudden fall at the start of an epoch is as well. At the first value that is not finite, one entry more.
 */
export function jumpsOf(series: string, points: readonly Point[]): Jump[] {
  const jumps: Jump[] = []
  let start = 0
  for (let i = 1; i < points.length; i++) {
    const before = points[i - 1] as Point
    const here = points[i] as Point
    if (!Number.isFinite(here.value)) {
      if (Number.isFinite(before.value)) {
        jumps.push({ series, step: here.step, from: before.value, to: here.value })
      }
      start = i + 1
    } else if (i - start >= AT_LEAST && leapAt(points, start, i) === 'jump') {
      jumps.push({ series, step: here.step, from: before.value, to: here.value })
      start = i
    }
  }
  return jumps
}

/** Values far above their neighbours on both sides: the series comes back within a few points. Each is told once, where it begins. */
export function spikesOf(series: string, points: readonly Point[]): Jump[] {
  const finite = points.filter(({ value }) => Number.isFinite(value))
  const spikes: Jump[] = []
  for (let i = AT_LEAST; i < finite.length; i++) {
    if (leapAt(finite, 0, i) !== 'spike') continue
    const [before, here] = [finite[i - 1] as Point, finite[i] as Point]
    spikes.push({ series, step: here.step, from: before.value, to: here.value })
    i += AFTER - 1
  }
  return spikes
}

/** Whether a series leaps up at `i`, and whether it stays there or comes back. Too near the end nobody can tell. */
function leapAt(points: readonly Point[], start: number, i: number): 'jump' | 'spike' | undefined {
  const { value } = points[i] as Point
  const from = (points[i - 1] as Point).value
  if (value <= from) return undefined
  const window = points.slice(Math.max(start, i - BEFORE), i).map((point) => point.value)
  const level = median(window)
  const leap = value - Math.max(from, level)
  const usual = median(window.slice(1).map((value, k) => Math.abs(value - (window[k] as number))))
  const spread = median(window.map((value) => Math.abs(value - level)))
  if (leap <= TIMES_USUAL * Math.max(usual, spread) || leap < PART_OF_LEVEL * Math.abs(level)) return undefined
  const after = points.slice(i, i + AFTER)
  if (after.some((point) => point.value < Math.max(from, level) + leap / 2)) return 'spike'
  return after.length === AFTER ? 'jump' : undefined
}

function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length >> 1
  const high = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? high : (high + (sorted[middle - 1] ?? high)) / 2
}
