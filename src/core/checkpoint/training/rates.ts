import type { OptimizerState, SchedulerState } from '../checkpoint'

/** Relative difference up to which two rates are one: both are written by one call, as 64-bit numbers. */
const TOLERANCE = 1e-6

/** Whether two learning rates are the same number. */
export function sameRate(a: number, b: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= TOLERANCE * Math.max(Math.abs(a), Math.abs(b)) + 1e-15
}

/**
 * Whether the groups have the rates that the scheduler set last: `scheduler.step()` writes both, so parts of one save agree
 * (torch/optim/lr_scheduler.py, 2.13). Undefined where the file does not tell (rates kept as tensors, other numbers of groups).
 */
export function ratesAgree({ groups }: OptimizerState, { lastLr }: SchedulerState): boolean | undefined {
  if (lastLr.length === 0 || lastLr.length !== groups.length) return undefined
  if (groups.some(({ lr }) => lr === undefined)) return undefined
  return groups.every(({ lr }, i) => sameRate(lr as number, lastLr[i] as number))
}

/**
 * Whether the groups began with the rates that the scheduler starts from: it takes its `base_lrs` from their `initial_lr`, one
 * for each group. Undefined where either keeps none. A group that was added later has no `initial_lr`.
 */
export function basesAgree({ groups }: OptimizerState, { baseLrs, lastLr }: SchedulerState): boolean | undefined {
  const initial = groups.flatMap(({ initialLr }) => initialLr ?? [])
  if (baseLrs.length === 0 || initial.length === 0) return undefined
  const same = (some: readonly number[], all: readonly (number | undefined)[]) =>
    some.every((rate, i) => all[i] !== undefined && sameRate(rate, all[i]))
  // Groups with an `initial_lr` of their own may join later. The scheduler knows those it was made for, and as many rates.
  const now = groups.map(({ lr }) => lr)
  return same(baseLrs, initial) && (initial.length === baseLrs.length || same(lastLr, now))
}

/** Whether some rate is not the one that its group began with: then equal rates are evidence, before that they say nothing. */
export function ratesMoved({ groups }: OptimizerState): boolean {
  return groups.some(({ lr, initialLr }) => lr !== undefined && initialLr !== undefined && !sameRate(lr, initialLr))
}

/**
 * Processes by which an AcceleratedScheduler was stepped, once for each (accelerate 1.15, scheduler.py), if the two are of one
 * save. Undefined where the counts are no multiple of each other, and of one, which says nothing.
 */
export function processesByScheduler(
  optimizer: OptimizerState | undefined,
  scheduler: SchedulerState | undefined,
): number | undefined {
  const step = optimizer?.step
  const last = scheduler?.lastEpoch
  const ratio = step && last && Number.isInteger(step) ? last / step : 1
  return Number.isInteger(ratio) && ratio > 1 ? ratio : undefined
}
