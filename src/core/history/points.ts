/** One value of a series. `step` counts from 1: the value belongs to the step with that number. */
export interface Point {
  readonly step: number
  /** May be NaN or infinite, as the training loop wrote it. */
  readonly value: number
}

/** More points than a chart has pixels help nobody: longer series are thinned to at most this many. */
const MAX_POINTS = 10_000

/**
 * Steps from `first` to `last` at most `MAX_POINTS` of them, evenly spaced by 1, 2, 5, 10, 20 ... and starting at `first`.
 * None where one of the two is no finite number.
 */
export function evenSteps(first: number, last: number): number[] {
  const steps: number[] = []
  if (!Number.isFinite(last - first)) return steps
  const stride = roundStride((last - first + 1) / MAX_POINTS)
  for (let step = first; step <= last; step += stride) steps.push(step)
  return steps
}

/** Smallest of 1, 2, 5, 10, 20, 50 ... that is not below `least`. */
function roundStride(least: number): number {
  for (let decade = 1; ; decade *= 10) {
    for (const factor of [1, 2, 5]) if (factor * decade >= least) return factor * decade
  }
}
