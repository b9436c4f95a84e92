import type { Point } from './points'
import type { Schedule } from './schedule'

/** What is known of a schedule besides the rates that were logged. */
export interface Known {
  /** The rate that the multipliers apply to: `initial_lr`. */
  readonly base: number
  /** Count at which training ends, where that is known. */
  readonly total?: number
}

/** Fewer values than these, and these many after the warmup, do not tell one shape from another. */
const LEAST = 8
const LEAST_AFTER_WARMUP = 5
/** Logged values may have gone through float32; a shape must meet every one this closely, relatively. */
const TOLERANCE = 1e-6
/** Shapes that fit alike and part later by more than this share of the base rate leave the future open. */
const ALIKE = 0.01

interface Sample {
  readonly t: number
  /** The rate as a part of the base rate. */
  readonly factor: number
}

interface Warmup {
  readonly steps: number
  readonly factor: (t: number) => number
}

/** A shape after the warmup, solved for its parameters from one sample. */
interface Shape {
  readonly kind: string
  readonly factor: (t: number) => number
  readonly end?: number
}

/**
 * The one usual shape (with a linear warmup or none) that meets all `rates`, where they suffice to tell it from the others:
 * enough values, and no other shape that meets them too and goes elsewhere. `rates` are by count (`last_epoch`), each
 * exact to float32. Undefined otherwise. Only a guess about the rates that are not given.
 */
export function fitSchedule(rates: readonly Point[], known: Known): Schedule | undefined {
  const { base, total } = known
  if (!(base > 0)) return undefined
  const samples = rates.map(({ step, value }) => ({ t: step, factor: value / base })).sort((a, b) => a.t - b.t)
  if (samples.length < LEAST || !samples.every(({ factor }) => factor >= 0 && factor <= 1 + TOLERANCE)) return undefined
  const fits = warmups(samples).flatMap((warmup) => {
    const after = samples.filter(({ t }) => t >= warmup.steps)
    const meets = (sample: Sample) => near(warmup.factor(sample.t), sample.factor)
    if (after.length < LEAST_AFTER_WARMUP || !samples.every((s) => s.t >= warmup.steps || meets(s))) return []
    return shapes(after, warmup.steps, known)
      .filter(({ factor }) => after.every((s) => near(factor(s.t), s.factor)))
      .map((shape) => ({ warmup, shape }))
  })
  const [first, ...others] = fits
  const last = (samples.at(-1) as Sample).t
  const later = total ?? 2 * last
  const open = others.some(({ shape }) =>
    [(last + later) / 2, later].some((t) => Math.abs(shape.factor(t) - (first?.shape.factor(t) ?? 0)) > ALIKE),
  )
  if (first === undefined || open) return undefined
  const { warmup, shape } = first
  const end = total ?? shape.end
  return {
    kind: warmup.steps > 0 && shape.kind === 'constant' ? 'constant_with_warmup' : shape.kind,
    rate: (t) => base * (t < warmup.steps ? warmup.factor(t) : shape.factor(t)),
    ...(end !== undefined && { end }),
  }
}

function near(a: number, b: number): boolean {
  return Math.abs(a - b) <= TOLERANCE * Math.abs(b) + 1e-12
}

/** None, and the straight lines to 1 that the last sample before the highest can lie on: t / w, or (t + 1) / w. */
function warmups(samples: readonly Sample[]): Warmup[] {
  const none = { steps: 0, factor: () => 1 }
  const peak = samples.reduce((top, { factor }, i) => (factor > (samples[top] as Sample).factor + 1e-12 ? i : top), 0)
  const rising = samples.slice(0, peak).findLast(({ factor }) => factor > 0)
  if (rising === undefined) return [none]
  return [0, 1].flatMap((lead) => {
    const steps = Math.round((rising.t + lead) / rising.factor)
    return steps > 0 ? [{ steps, factor: (t: number) => (t + lead) / steps }] : []
  })
}

/** Shapes through the sample that has moved furthest from 1. Those of a whole length first: steps are whole. */
function shapes(samples: readonly Sample[], start: number, { base, total }: Known): Shape[] {
  const far = samples.reduce((a, b) => (Math.abs(1 - b.factor) > Math.abs(1 - a.factor) ? b : a))
  if (near(far.factor, 1)) return [{ kind: 'constant', factor: () => 1 }]
  // A value at zero tells when, not how: the last one above it does both.
  const at = far.factor > 0 ? far : samples.findLast(({ factor }) => factor > 0)
  if (at === undefined || at.t <= start) return []
  const run = at.t - start
  const { factor } = at
  const turn = Math.acos(2 * factor - 1) / Math.PI
  return [
    ...lengths(run / (1 - factor)).map((length) => ({
      kind: 'linear',
      factor: (t: number) => Math.max(0, 1 - (t - start) / length),
      end: start + length,
    })),
    ...lengths(run / turn).map((length) => ({
      kind: 'cosine',
      factor: (t: number) => half(Math.min(1, (t - start) / length)),
      end: start + length,
    })),
    ...lengths(run / (1 / factor ** 2 - 1)).map((scale) => ({
      kind: 'inverse_sqrt',
      factor: (t: number) => 1 / Math.sqrt((t - start + scale) / scale),
    })),
    { kind: 'exponential', factor: (t: number) => factor ** ((t - start) / run) },
    ...(total !== undefined && total > start ? toTheEnd(at, start, total, base) : []),
    ...stairs(samples, start),
  ]
}

function half(done: number): number {
  return 0.5 * (1 + Math.cos(Math.PI * done))
}

function lengths(length: number): number[] {
  const whole = Math.round(length)
  return [whole, length].filter((each) => each > 0 && Number.isFinite(each))
}

/** Shapes with one more parameter, of which the known end of training settles the length. */
function toTheEnd({ t, factor }: Sample, start: number, total: number, base: number): Shape[] {
  const done = (at: number) => Math.min(1, (at - start) / (total - start))
  const least = (left: number) => (factor - left) / (1 - left)
  const floor = least(half(done(t)))
  const lowest = least(1 - done(t))
  // transformers' `lr_end`, whatever the power.
  const end = 1e-7 / base
  const power = Math.log((factor - end) / (1 - end)) / Math.log(1 - done(t))
  const all: Shape[] = [
    { kind: 'cosine_with_min_lr', factor: (at) => half(done(at)) * (1 - floor) + floor, end: total },
    { kind: 'linear', factor: (at) => (1 - done(at)) * (1 - lowest) + lowest, end: total },
    { kind: 'polynomial', factor: (at) => (1 - end) * (1 - done(at)) ** power + end, end: total },
  ]
  return all.filter((shape) => shape.factor(total) >= -TOLERANCE && shape.factor(total) <= 1)
}

/** A fall by the same factor every so many counts; at least two falls must have been seen. */
function stairs(samples: readonly Sample[], start: number): Shape[] {
  const first = samples.find(({ factor }) => !near(factor, 1))
  if (first === undefined || first.t <= start || !samples.some(({ factor }) => near(factor, first.factor ** 2)))
    return []
  const every = first.t - start
  return [{ kind: 'step', factor: (t) => first.factor ** Math.floor((t - start) / every) }]
}
