import type { Checkpoint, OptimizerState, SchedulerState, TrainingState } from '../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { fitSchedule } from './fit'
import { evenSteps, type Point } from './points'
import { type Schedule, scheduleOf } from './schedule'
import { scheduleArguments, transformersSchedule } from './transformers-schedule'

/** What a schedule was drawn from: the scheduler's own state, the Trainer's arguments, or nothing but the rates it set. */
export type Basis = 'state' | 'arguments' | 'fitted'

export interface Redrawn {
  readonly kind: string
  readonly basis: Basis
  /** The rate each step used, up to the checkpoint's own step. */
  readonly points: readonly Point[]
  /** The rates to come, as far as an end is known. */
  readonly projected: readonly Point[]
  /** How the rates that were logged agree with it. */
  readonly logged: Agreement
  /** The rate that a step (from 1) uses, drawn or not. */
  rateAt(step: number): number
}

export interface Agreement {
  /** Logged values that could be held against the schedule. */
  readonly compared: number
  /** Those that are not what it gives. */
  readonly differing: number
  /** The first of them. */
  readonly first: { readonly step: number; readonly logged: number; readonly redrawn: number } | null
}

/** A schedule, or why there is none. */
export interface Redrawing {
  readonly schedule: Redrawn | null
  readonly note?: string
}

/** A redrawn rate may differ this much, relatively, from the one stored: torch's recursive forms gather rounding errors. */
const TOLERANCE = 1e-5

/**
 * The learning rate as the saved scheduler must have set it and will go on to set it. `logged`: the rates that were logged,
 * by step. They are held against the schedule; where no state and no arguments hold it, they may suffice to fit one. Null,
 * with a sentence that says why, where nothing does, or where the stored rate is not the one the schedule gives (somebody
 * changed it on the way).
 */
export function redraw({ state }: Checkpoint, logged: readonly Point[] = []): Redrawing {
  let note: string | undefined
  for (const scheduler of state.schedulers) {
    const count = scheduler.lastEpoch
    if (count === undefined || count < 0) continue
    const clock = clockOf(state, count)
    const found = find(state, scheduler, logged, clock)
    if ('note' in found) note ??= found.note
    else return { schedule: draw(found, state, clock, logged) }
  }
  return { schedule: null, ...(note !== undefined && { note }) }
}

interface Found {
  readonly schedule: Schedule
  readonly basis: Basis
}

function find(
  state: TrainingState,
  scheduler: SchedulerState,
  logged: readonly Point[],
  clock: Clock,
): Found | { readonly note: string } {
  const own = scheduleOf(scheduler.value, groupRates(state))
  if (own) return agrees(own, scheduler) ? { schedule: own, basis: 'state' } : { note: changed(own, scheduler) }
  const planned = plannedSteps(state)
  const given = trainerSchedule(state, scheduler, planned)
  if (given && agrees(given, scheduler)) return { schedule: given, basis: 'arguments' }
  const fitted = keepsNoFunction(scheduler) ? fitTo(scheduler, logged, clock, planned) : undefined
  if (fitted && agrees(fitted, scheduler)) return { schedule: fitted, basis: 'fitted' }
  return { note: given ? changed(given, scheduler) : unknown(scheduler) }
}

function draw({ schedule, basis }: Found, state: TrainingState, clock: Clock, logged: readonly Point[]): Redrawn {
  const rateAt = (step: number) => schedule.rate(clock.countAt(step))
  const draw = (from: number, to: number) => evenSteps(from, to).map((step): Point => ({ step, value: rateAt(step) }))
  const end = plannedSteps(state) ?? (schedule.end === undefined ? 0 : clock.stepAfter(schedule.end))
  let points: readonly Point[] | undefined
  let projected: readonly Point[] | undefined
  return {
    kind: schedule.kind,
    basis,
    // Thousands of points, which only a chart asks for.
    get points() {
      points ??= draw(1, clock.now)
      return points
    },
    get projected() {
      projected ??= draw(clock.now + 1, Math.floor(end))
      return projected
    },
    logged: clock.sure ? agreement(logged, rateAt) : { compared: 0, differing: 0, first: null },
    rateAt,
  }
}

/**
 * Logs name a rate by the step that used it, or by the one before (transformers up to 4.50 logged after the scheduler had
 * moved on): whichever agrees better.
 */
function agreement(logged: readonly Point[], rateAt: (step: number) => number): Agreement {
  const [used, next] = [0, 1].map((lead): Agreement => {
    const finite = logged.filter(({ value }) => Number.isFinite(value))
    const differing = finite.flatMap(({ step, value }) => {
      const redrawn = rateAt(step + lead)
      return Math.abs(redrawn - value) <= TOLERANCE * Math.abs(value) + 1e-12 ? [] : [{ step, logged: value, redrawn }]
    })
    return { compared: finite.length, differing: differing.length, first: differing[0] ?? null }
  }) as [Agreement, Agreement]
  return next.differing < used.differing ? next : used
}

/** LambdaLR keeps no function; under the Trainer its arguments tell which it was. */
function trainerSchedule(
  state: TrainingState,
  scheduler: SchedulerState,
  total: number | undefined,
): Schedule | undefined {
  const base = scheduler.baseLrs[0]
  if (!keepsNoFunction(scheduler) || base === undefined || total === undefined) return undefined
  const records = state.records.map((record) => record.value)
  const how = scheduleArguments(records, base, total)
  return how && transformersSchedule(how)
}

function fitTo(
  { baseLrs, lastEpoch, lastLr }: SchedulerState,
  logged: readonly Point[],
  clock: Clock,
  planned: number | undefined,
): Schedule | undefined {
  const [base] = baseLrs
  if (base === undefined || !clock.sure || lastEpoch === undefined || lastLr[0] === undefined) return undefined
  const now = { step: lastEpoch, value: lastLr[0] }
  const past = logged.filter(({ step, value }) => step >= 1 && step <= clock.now && Number.isFinite(value))
  const total = planned === undefined ? undefined : clock.countAt(planned + 1)
  for (const lead of [0, 1]) {
    const counted = past.map(({ step, value }) => ({ step: clock.countAt(step + lead), value }))
    const schedule = fitSchedule([...counted, now], { base, ...(total !== undefined && { total }) })
    if (schedule) return schedule
  }
  return undefined
}

function keepsNoFunction({ value }: SchedulerState): boolean {
  return fieldsOf(value)?.lr_lambdas !== undefined
}

function agrees(schedule: Schedule, { lastEpoch, lastLr }: SchedulerState): boolean {
  const stored = lastLr[0]
  if (stored === undefined || lastEpoch === undefined) return false
  return Math.abs(schedule.rate(lastEpoch) - stored) <= TOLERANCE * Math.abs(stored) + 1e-12
}

/**
 * Whether the schedule in the scheduler's own state gives the rate that it stored at `count`, and not at the count it claims:
 * then its count is wrong and not its rate. False where the state holds no schedule, or no rate tells the two apart.
 */
export function isCountOf(state: TrainingState, scheduler: SchedulerState, count: number): boolean {
  const own = scheduleOf(scheduler.value, groupRates(state))
  if (!own || agrees(own, scheduler)) return false
  return agrees(own, { ...scheduler, lastEpoch: count })
}

/** Counts at which a schedule is asked for its rate. */
const MOST_COUNTS = 100_000

/**
 * Whether the rate of the optimizer's first group is one that the scheduler sets at some count up to the present. False as well where it
 * has left its own schedule, undefined where its state holds none.
 */
export function isOnSchedule(
  state: TrainingState,
  { groups, step = 0 }: OptimizerState,
  scheduler: SchedulerState,
): boolean | undefined {
  const own = scheduleOf(scheduler.value, groupRates(state))
  const rate = groups[0]?.lr
  const until = Math.max(step * (state.worldSize ?? 1), scheduler.lastEpoch ?? 0)
  if (!own || rate === undefined || until > MOST_COUNTS) return undefined
  if (!agrees(own, scheduler)) return false
  for (let count = 1; count <= until; count++) {
    if (agrees(own, { ...scheduler, lastEpoch: count, lastLr: [rate] })) return true
  }
  return false
}

function changed({ kind, rate }: Schedule, { lastEpoch = 0, lastLr }: SchedulerState): string {
  const [stored] = lastLr
  if (stored === undefined) return `${kind} stored no rate that could confirm its schedule.`
  return `At count ${lastEpoch} ${kind} gives ${short(rate(lastEpoch))}, and the stored rate is ${short(stored)}.`
}

function unknown(scheduler: SchedulerState): string {
  const fields = fieldsOf(scheduler.value)
  if (keepsNoFunction(scheduler)) {
    return 'LambdaLR saves no function, and neither training arguments nor enough logged rates tell which it was.'
  }
  if (fields?.num_bad_epochs !== undefined) {
    return 'ReduceLROnPlateau follows what training measures: its rates to come are in no file.'
  }
  return 'The state holds no schedule that Assay knows.'
}

function short(rate: number): string {
  return String(Number(rate.toPrecision(6)))
}

/** Some rates live in the optimizer's first group (OneCycleLR keeps only their names in its own state). */
function groupRates({ optimizers }: TrainingState): (key: string) => number | undefined {
  const group = optimizers[0]?.groups[0]
  return (key) => (key === 'initial_lr' ? group?.initialLr : numberOf(group?.hyper[key]))
}

/** How the scheduler's count runs beside the steps. */
interface Clock {
  /** The last step taken. */
  readonly now: number
  /** Whether count and steps could be brought together. */
  readonly sure: boolean
  /** The count in force at a step. */
  countAt(step: number): number
  /** The step that follows the one at which `count` is reached. */
  stepAfter(count: number): number
}

/**
 * Accelerate counts once for each process and step; many scripts count once an epoch. Where the two cannot be brought
 * together the count itself is taken for the step.
 */
function clockOf({ step, epoch }: TrainingState, count: number): Clock {
  const perProcess = step !== undefined && step > 0 && count > 0 && count % step === 0
  const perEpoch = step !== undefined && count > 0 && step % count === 0 && (epoch === count || epoch === count - 1)
  const now = perProcess || perEpoch ? (step as number) : count
  const each = now === 0 ? 1 : count / now
  return {
    now,
    sure: step === undefined || step === now,
    countAt: (at) => (now === 0 ? at - 1 : Math.floor(((at - 1) * count) / now)),
    stepAfter: (at) => at / each + 1,
  }
}

const PLANNED = ['max_steps', 'total_steps', 'num_training_steps', 'max_iters', 'max_train_steps']

/** The number of steps the run was meant to take, where its state or config says so. */
function plannedSteps({ records }: TrainingState): number | undefined {
  for (const { value } of records) {
    const steps = planned(value, 3)
    if (steps !== undefined) return steps
  }
  return undefined
}

function planned(value: Plain, depth: number): number | undefined {
  const fields = fieldsOf(value)
  if (fields === undefined || depth === 0) return undefined
  for (const key of PLANNED) {
    const steps = numberOf(fields[key])
    if (steps !== undefined && steps > 0 && Number.isFinite(steps)) return steps
  }
  for (const inner of Object.values(fields)) {
    const steps = planned(inner, depth - 1)
    if (steps !== undefined) return steps
  }
  return undefined
}
