import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { chained, sequential } from './composed-schedules'

/** A learning-rate schedule as a function of the scheduler's own count (`last_epoch`), for the first parameter group. */
export interface Schedule {
  /** Class name in torch.optim.lr_scheduler. */
  readonly kind: string
  rate(t: number): number
  /** Count at which the schedule itself ends, where it has an end. */
  readonly end?: number
  /** The rate at `t` where the one at `t - 1` is not the schedule's own: as another scheduler beside it has left it. */
  next?(before: number, t: number): number
}

/** Rates that some schedulers keep in the optimizer's parameter group: `initial_lr`, `max_lr`, `min_lr`. */
export type GroupRates = (key: string) => number | undefined

type Fields = { readonly [key: string]: Plain }

/**
 * The schedule that a scheduler's state dict describes, or undefined where the state does not hold all of it (LambdaLR
 * keeps no function, ReduceLROnPlateau follows a metric). Kinds are told apart by their keys, as
 * torch/optim/lr_scheduler.py (2.13) writes them; closed forms equal torch's recursive ones.
 */
export function scheduleOf(state: Plain, group: GroupRates): Schedule | undefined {
  const fields = fieldsOf(state)
  if (fields === undefined) return undefined
  if (Array.isArray(fields._schedulers)) {
    const inner = fields._schedulers.map((each) => scheduleOf(each, group))
    if (!inner.every((each) => each !== undefined)) return undefined
    return Array.isArray(fields._milestones)
      ? sequential(inner, fields._milestones)
      : chained(inner, group('initial_lr') ?? firstNumber(fieldsOf(fields._schedulers[0])?.base_lrs))
  }
  const base = firstNumber(fields.base_lrs)
  if (base === undefined) return undefined
  for (const recognise of KINDS) {
    const schedule = recognise(fields, base, group)
    if (schedule !== undefined) return schedule
  }
  return undefined
}

type Recogniser = (fields: Fields, base: number, group: GroupRates) => Schedule | undefined

const cosineAnnealing: Recogniser = (fields, base) => {
  const period = numberOf(fields.T_max)
  const floor = numberOf(fields.eta_min)
  if (period === undefined || floor === undefined || period <= 0) return undefined
  const height = (t: number) => 1 + Math.cos((Math.PI * t) / period)
  return {
    kind: 'CosineAnnealingLR',
    rate: (t) => floor + ((base - floor) * height(t)) / 2,
    end: period,
    next: (before, t) =>
      (t - 1 - period) % (2 * period) === 0
        ? before + ((base - floor) * (1 - Math.cos(Math.PI / period))) / 2
        : floor + ((before - floor) * height(t)) / height(t - 1),
  }
}

const warmRestarts: Recogniser = (fields, base) => {
  const first = numberOf(fields.T_0)
  const factor = numberOf(fields.T_mult)
  const floor = numberOf(fields.eta_min)
  if (first === undefined || factor === undefined || floor === undefined || first <= 0 || factor < 1) return undefined
  const rate = (t: number): number => {
    const cycle = factor === 1 ? Math.floor(t / first) : Math.floor(logBase(1 + (t / first) * (factor - 1), factor))
    const start = factor === 1 ? cycle * first : (first * (factor ** cycle - 1)) / (factor - 1)
    const progress = (t - start) / (first * factor ** cycle)
    return floor + ((base - floor) * (1 + Math.cos(Math.PI * progress))) / 2
  }
  const now = numberOf(fields.T_cur)
  const length = numberOf(fields.T_i)
  const last = numberOf(fields.last_epoch)
  const end = now === undefined || length === undefined || last === undefined ? undefined : last - now + length - 1
  return { kind: 'CosineAnnealingWarmRestarts', rate, ...(end !== undefined && { end }) }
}

const linear: Recogniser = (fields, base) => {
  const from = numberOf(fields.start_factor)
  const to = numberOf(fields.end_factor)
  const total = numberOf(fields.total_iters)
  if (from === undefined || to === undefined || total === undefined) return undefined
  const progress = (t: number) => (total > 0 ? Math.min(t, total) / total : 1)
  return { kind: 'LinearLR', rate: (t) => base * (from + (to - from) * progress(t)), end: total }
}

const polynomial: Recogniser = (fields, base) => {
  const power = numberOf(fields.power)
  const total = numberOf(fields.total_iters)
  if (power === undefined || total === undefined || total <= 0) return undefined
  return { kind: 'PolynomialLR', rate: (t) => base * (1 - Math.min(t, total) / total) ** power, end: total }
}

const constant: Recogniser = (fields, base) => {
  const factor = numberOf(fields.factor)
  const total = numberOf(fields.total_iters)
  if (factor === undefined || total === undefined) return undefined
  return { kind: 'ConstantLR', rate: (t) => (t < total ? base * factor : base), end: total }
}

const multiStep: Recogniser = (fields, base) => {
  const gamma = numberOf(fields.gamma)
  const milestones = milestonesOf(fields.milestones)
  if (gamma === undefined || milestones === undefined) return undefined
  const passed = (t: number) => milestones.reduce((sum, { at, times }) => (at <= t ? sum + times : sum), 0)
  const end = milestones.reduce((last, { at }) => Math.max(last, at), 0)
  return { kind: 'MultiStepLR', rate: (t) => base * gamma ** passed(t), ...(milestones.length > 0 && { end }) }
}

const step: Recogniser = (fields, base) => {
  const gamma = numberOf(fields.gamma)
  const size = numberOf(fields.step_size)
  if (gamma === undefined || size === undefined || size <= 0) return undefined
  return { kind: 'StepLR', rate: (t) => base * gamma ** Math.floor(t / size) }
}

const oneCycle: Recogniser = (fields, _base, group) => {
  const total = numberOf(fields.total_steps)
  const phases = Array.isArray(fields._schedule_phases) ? fields._schedule_phases.map(fieldsOf) : undefined
  if (total === undefined || phases === undefined || phases.length === 0) return undefined
  const linear = fields._anneal_func_type === 'linear'
  const parts: { end: number; from: number; to: number }[] = []
  for (const phase of phases) {
    const end = numberOf(phase?.end_step)
    const from = group(String(phase?.start_lr))
    const to = group(String(phase?.end_lr))
    if (end === undefined || from === undefined || to === undefined) return undefined
    parts.push({ end, from, to })
  }
  const rate = (t: number): number => {
    let start = 0
    for (const { end, from, to } of parts) {
      if (t <= end || end === parts.at(-1)?.end) {
        const progress = (t - start) / (end - start)
        return linear ? from + (to - from) * progress : to + ((from - to) / 2) * (1 + Math.cos(Math.PI * progress))
      }
      start = end
    }
    return Number.NaN
  }
  return { kind: 'OneCycleLR', rate, end: total - 1 }
}

const cyclic: Recogniser = (fields, base) => {
  const size = numberOf(fields.total_size)
  const ratio = numberOf(fields.step_ratio)
  const top = firstNumber(fields.max_lrs)
  const gamma = numberOf(fields.gamma)
  if (size === undefined || ratio === undefined || top === undefined || gamma === undefined || size <= 0) {
    return undefined
  }
  const scale = new Map<Plain | undefined, (t: number, cycle: number) => number>([
    ['triangular', () => 1],
    ['triangular2', (_t, cycle) => 1 / 2 ** (cycle - 1)],
    ['exp_range', (t) => gamma ** t],
  ]).get(fields.mode)
  if (scale === undefined) return undefined
  const rate = (t: number): number => {
    const cycle = Math.floor(1 + t / size)
    const x = 1 + t / size - cycle
    const height = x <= ratio ? x / ratio : (x - 1) / (ratio - 1)
    return base + (top - base) * height * scale(t, cycle)
  }
  return { kind: 'CyclicLR', rate }
}

const exponential: Recogniser = (fields, base) => {
  const gamma = numberOf(fields.gamma)
  return gamma === undefined ? undefined : { kind: 'ExponentialLR', rate: (t) => base * gamma ** t }
}

/**
 * torch/optim/swa_utils.py: from the rate in force at its start to `swa_lr`. What that rate was follows from the one in
 * force now, or, when the annealing is over, is taken to be the one that training began with.
 */
const averaging: Recogniser = (fields, base, group) => {
  const length = numberOf(fields.anneal_epochs)
  const to = group('swa_lr')
  const now = numberOf(fields.last_epoch)
  const stored = firstNumber(fields._last_lr)
  if (length === undefined || to === undefined || now === undefined || stored === undefined) return undefined
  const done = (t: number) => (length === 0 ? 1 : Math.min(1, t / length))
  const share = (t: number) => (fields._anneal_strategy === 'linear' ? done(t) : (1 - Math.cos(Math.PI * done(t))) / 2)
  const from = share(now) < 1 ? (stored - share(now) * to) / (1 - share(now)) : base
  return { kind: 'SWALR', rate: (t) => to * share(t) + from * (1 - share(t)), end: length }
}

/** In the order in which their keys exclude each other: `gamma` alone is the last that is left. */
const KINDS: readonly Recogniser[] = [
  cosineAnnealing,
  warmRestarts,
  linear,
  polynomial,
  constant,
  multiStep,
  step,
  oneCycle,
  cyclic,
  averaging,
  exponential,
]

/** MultiStepLR's milestones: a collections.Counter {count: multiplicity}, or a list in older files. */
function milestonesOf(value: Plain | undefined): { at: number; times: number }[] | undefined {
  if (Array.isArray(value)) return milestonesOf(Object.fromEntries(value.map((at) => [String(at), 1])))
  const fields = fieldsOf(value)
  if (fields === undefined) return undefined
  const wrapped = fields['collections.Counter']
  if (wrapped !== undefined) return milestonesOf(Array.isArray(wrapped) ? wrapped[0] : wrapped)
  const milestones = Object.entries(fields).map(([at, times]) => ({ at: Number(at), times: numberOf(times) ?? 1 }))
  return milestones.every(({ at }) => Number.isFinite(at)) ? milestones : undefined
}

function firstNumber(value: Plain | undefined): number | undefined {
  return Array.isArray(value) ? numberOf(value[0]) : undefined
}

/** log of `value` to `base`, exact where the result is a whole number (Math.log alone falls just below it). */
function logBase(value: number, base: number): number {
  const result = Math.log(value) / Math.log(base)
  const whole = Math.round(result)
  return Math.abs(result - whole) < 1e-9 ? whole : result
}
