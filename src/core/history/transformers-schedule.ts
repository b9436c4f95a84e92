import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import type { Schedule } from './schedule'

/** What the Trainer's arguments say of the schedule; the scheduler's own state holds none of it. */
export interface ScheduleArguments {
  /** A value of transformers' SchedulerType: `linear`, `cosine` ... */
  readonly type: string
  readonly warmup: number
  readonly total: number
  /** `initial_lr` of the first group. */
  readonly base: number
  /** `lr_scheduler_kwargs`. */
  readonly option: (name: string) => number | undefined
  /** Those of them that are words: `warmup_type` and `decay_type`. */
  readonly word?: (name: string) => string | undefined
}

type Factor = (t: number, how: ScheduleArguments) => number | undefined

/** Share of the decay that is done at `t`. */
function progress(t: number, { warmup, total }: ScheduleArguments): number {
  return (t - warmup) / Math.max(1, total - warmup)
}

function wave(cycles: number, done: number): number {
  return 0.5 * (1 + Math.cos(2 * Math.PI * cycles * done))
}

/** The least rate, as part of the base. Undefined where the arguments have to give one and do not. */
function floor({ option, base }: ScheduleArguments): number | undefined {
  const least = option('min_lr')
  return option('min_lr_rate') ?? (least === undefined ? undefined : least / base)
}

/** Multipliers after the warmup, as in transformers/optimization.py (5.18). */
const AFTER_WARMUP: ReadonlyMap<string, Factor> = new Map<string, Factor>([
  ['constant_with_warmup', () => 1],
  ['warmup_stable_decay', (t, how) => stableThenDown(t, how)],
  ['linear', (t, how) => Math.max(0, 1 - progress(t, how))],
  ['cosine', (t, how) => Math.max(0, wave(how.option('num_cycles') ?? 0.5, progress(t, how)))],
  [
    'cosine_with_restarts',
    (t, how) => {
      const done = progress(t, how)
      return done >= 1 ? 0 : wave(0.5, ((how.option('num_cycles') ?? 1) * done) % 1)
    },
  ],
  [
    'polynomial',
    (t, how) => {
      const end = (how.option('lr_end') ?? 1e-7) / how.base
      return t > how.total ? end : (1 - end) * (1 - progress(t, how)) ** (how.option('power') ?? 1) + end
    },
  ],
  [
    'inverse_sqrt',
    (t, { warmup, option }) => {
      const scale = option('timescale') ?? (warmup || 10_000)
      return 1 / Math.sqrt((t + scale - warmup) / scale)
    },
  ],
  [
    'cosine_with_min_lr',
    (t, how) => {
      const least = floor(how)
      return least === undefined
        ? undefined
        : wave(how.option('num_cycles') ?? 0.5, progress(t, how)) * (1 - least) + least
    },
  ],
  [
    'cosine_warmup_with_min_lr',
    (t, how) => {
      const least = floor(how)
      return least === undefined
        ? undefined
        : wave(how.option('num_cycles') ?? 0.5, progress(t + 1, how)) * (1 - least) + least
    },
  ],
])

/** What is left at `done` (0 to 1) of a fall from 1 to 0, by its shape's name. */
const FALLS: ReadonlyMap<string, (done: number, cycles: number) => number> = new Map([
  ['linear', (done) => 1 - done],
  ['cosine', (done, cycles) => wave(cycles, done)],
  ['1-sqrt', (done) => 1 - Math.sqrt(done)],
])

/** get_wsd_schedule (5.18): level until the decay begins; its length has no default. */
function stableThenDown(t: number, { warmup, total, option, word }: ScheduleArguments): number | undefined {
  const length = option('num_decay_steps')
  const fall = FALLS.get(word?.('decay_type') ?? 'cosine')
  if (length === undefined || fall === undefined) return undefined
  const begin = warmup + (option('num_stable_steps') ?? total - warmup - length)
  const least = option('min_lr_ratio') ?? 0
  if (t < begin) return 1
  if (t >= begin + length) return least
  const left = fall((t - begin) / Math.max(1, length), option('num_cycles') ?? 0.5)
  return Math.max(0, left * (1 - least) + least)
}

/** The multiplier while warming up: in a straight line from zero, but for two types. */
function warmingUp(t: number, { type, warmup, option, word }: ScheduleArguments): number {
  const done = t / Math.max(1, warmup)
  if (type === 'warmup_stable_decay') {
    const least = option('min_lr_ratio') ?? 0
    const fall = FALLS.get(word?.('warmup_type') ?? 'linear')
    const shape = word?.('warmup_type') === '1-sqrt' ? 1 - Math.sqrt(1 - done) : 1 - (fall?.(done, 0.5) ?? Number.NaN)
    return Math.max(0, shape * (1 - least) + least)
  }
  if (type !== 'cosine_warmup_with_min_lr') return done
  const first = option('warmup_lr_rate')
  return first === undefined ? (t + 1) / Math.max(1, warmup) : first + ((1 - first) * t) / Math.max(1, warmup - 1)
}

/** The schedule of `transformers.get_scheduler`, or undefined for a type or arguments that are not known. */
export function transformersSchedule(how: ScheduleArguments): Schedule | undefined {
  const { type, warmup, total, base } = how
  if (type === 'constant') return { kind: type, rate: () => base, end: total }
  const factor = AFTER_WARMUP.get(type)
  if (factor?.(warmup, how) === undefined) return undefined
  return {
    kind: type,
    rate: (t) => base * (t < warmup ? warmingUp(t, how) : (factor(t, how) ?? Number.NaN)),
    end: total,
  }
}

/** Finds the Trainer's arguments (training_args.bin) among the records of a checkpoint. */
export function scheduleArguments(
  records: readonly Plain[],
  base: number,
  total: number,
): ScheduleArguments | undefined {
  for (const record of records) {
    const given = [fieldsOf(record), ...Object.values(fieldsOf(record) ?? {}).map(fieldsOf)]
    const fields = given.find((each) => typeof each?.lr_scheduler_type === 'string')
    if (fields === undefined) continue
    // Up to 4.57 the ratio had a key of its own; since 5.0 a number of steps below 1 is a ratio.
    const steps = numberOf(fields.warmup_steps) ?? 0
    const ratio = steps < 1 ? steps || (numberOf(fields.warmup_ratio) ?? 0) : 0
    const options = fieldsOf(fields.lr_scheduler_kwargs)
    return {
      type: fields.lr_scheduler_type as string,
      warmup: steps >= 1 ? Math.floor(steps) : Math.ceil(total * ratio),
      total,
      base,
      option: (name) => numberOf(options?.[name]),
      word: (name) => (typeof options?.[name] === 'string' ? (options[name] as string) : undefined),
    }
  }
  return undefined
}
