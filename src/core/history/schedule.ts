import { fieldsOf, numberOf, type Plain } from '../decode/plain'

/** A learning-rate schedule as a function of the scheduler's own count (`last_epoch`), for the first parameter group. */
export interface Schedule {
  /** Class name in torch.optim.lr_scheduler. */
  readonly kind: string
  rate(t: number): number
  /** Count at which the schedule itself ends, where it has an end. */
  readonly end?: number
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
    return Array.isArray(fields._milestones) ? sequential(inner, fields._milestones) : chained(inner, fields, group)
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
  return {
    kind: 'CosineAnnealingLR',
    rate: (t) => floor + ((base - floor) * (1 + Math.cos((Math.PI * t) / period))) / 2,
    end: period,
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
  const end = Math.max(...milestones.map(({ at }) => at))
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
  exponential,
]

/** SequentialLR: scheduler j is in force from milestone j - 1 on, and counts from there. */
function sequential(inner: readonly Schedule[], listed: readonly Plain[]): Schedule | undefined {
  const milestones = listed.map(numberOf)
  if (!milestones.every((at) => at !== undefined) || inner.length !== milestones.length + 1) return undefined
  const rate = (t: number): number => {
    const passed = milestones.filter((at) => at <= t)
    return (inner[passed.length] as Schedule).rate(t - (passed.at(-1) ?? 0))
  }
  const last = inner.at(-1)?.end
  return { kind: 'SequentialLR', rate, ...(last !== undefined && { end: (milestones.at(-1) ?? 0) + last }) }
}

/** Schedulers whose every step multiplies the rate, whatever it is: only these can be chained in closed form. */
const MULTIPLICATIVE = new Set(['StepLR', 'MultiStepLR', 'ExponentialLR', 'ConstantLR', 'LinearLR', 'PolynomialLR'])

/** ChainedScheduler: each acts on the rate that the one before has left. */
function chained(inner: readonly Schedule[], fields: Fields, group: GroupRates): Schedule | undefined {
  const states = fields._schedulers as readonly Plain[]
  const base = group('initial_lr') ?? firstNumber(fieldsOf(states[0])?.base_lrs)
  if (base === undefined || base === 0 || !inner.every(({ kind }) => MULTIPLICATIVE.has(kind))) return undefined
  return { kind: 'ChainedScheduler', rate: (t) => inner.reduce((rate, each) => (rate * each.rate(t)) / base, base) }
}

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
