import { numberOf, type Plain } from '../decode/plain'
import type { Schedule } from './schedule'

/** SequentialLR: scheduler j is in force from milestone j - 1 on, and counts from there. */
export function sequential(inner: readonly Schedule[], listed: readonly Plain[]): Schedule | undefined {
  const milestones = listed.map(numberOf)
  if (!milestones.every((at) => at !== undefined) || inner.length !== milestones.length + 1) return undefined
  const rate = (t: number): number => {
    const passed = milestones.filter((at) => at <= t)
    return (inner[passed.length] as Schedule).rate(t - (passed.at(-1) ?? 0))
  }
  const last = inner.at(-1)?.end
  return { kind: 'SequentialLR', rate, ...(last !== undefined && { end: (milestones.at(-1) ?? 0) + last }) }
}

/** Schedulers whose every step multiplies the rate, whatever it is. */
const MULTIPLICATIVE = new Set(['StepLR', 'MultiStepLR', 'ExponentialLR', 'ConstantLR', 'LinearLR', 'PolynomialLR'])

/** Rates beyond this count are not worked out: each follows from the one before. */
const MAX_COUNT = 1_000_000

/** ChainedScheduler: each acts on the rate that the one before has left, starting from `base`. */
export function chained(inner: readonly Schedule[], base: number | undefined): Schedule | undefined {
  if (base === undefined || base === 0 || inner.length === 0) return undefined
  if (inner.every(({ kind }) => MULTIPLICATIVE.has(kind))) {
    return { kind: 'ChainedScheduler', rate: (t) => inner.reduce((rate, each) => (rate * each.rate(t)) / base, base) }
  }
  const rates = [inner.reduce((rate, each) => (isRelative(each) ? (rate * each.rate(0)) / base : each.rate(0)), base)]
  const rate = (t: number): number => {
    if (!(t < MAX_COUNT)) return Number.NaN
    for (let at = rates.length; at <= t; at++) {
      rates.push(inner.reduce((before, each) => step(each, before, at), rates[at - 1] as number))
    }
    return rates[t] ?? Number.NaN
  }
  return { kind: 'ChainedScheduler', rate }
}

function isRelative({ kind, next }: Schedule): boolean {
  return next !== undefined || MULTIPLICATIVE.has(kind)
}

/** The rate that `schedule` sets at its step to `t`; one that is not relative sets its own, whatever was there. */
function step(schedule: Schedule, before: number, t: number): number {
  if (schedule.next) return schedule.next(before, t)
  if (!MULTIPLICATIVE.has(schedule.kind)) return schedule.rate(t)
  const last = schedule.rate(t - 1)
  return last === 0 ? before : (before * schedule.rate(t)) / last
}
