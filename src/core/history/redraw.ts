import type { Checkpoint, SchedulerState, TrainingState } from '../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { evenSteps, type Point } from './points'
import { type Schedule, scheduleOf } from './schedule'
import { scheduleArguments, transformersSchedule } from './transformers-schedule'

export interface Redrawn {
  readonly kind: string
  /** The rate each step used, up to the checkpoint's own step. */
  readonly points: readonly Point[]
  /** The rates to come, as far as an end is known. */
  readonly projected: readonly Point[]
}

/** A redrawn rate may differ this much, relatively, from the one stored: torch's recursive forms gather rounding errors. */
const TOLERANCE = 1e-5

/**
 * The learning rate as the saved scheduler must have set it and will go on to set it. Null where no scheduler state holds
 * its whole schedule, or where the stored rate is not the one the schedule gives (somebody changed it on the way).
 */
export function redraw(checkpoint: Checkpoint): Redrawn | null {
  const { state } = checkpoint
  for (const scheduler of state.schedulers) {
    const schedule = scheduleOf(scheduler.value, groupRates(state)) ?? trainerSchedule(state, scheduler)
    const count = scheduler.lastEpoch
    if (schedule === undefined || count === undefined || count < 0 || !agrees(schedule, scheduler)) continue
    const clock = clockOf(state, count)
    const at = (step: number): Point => ({ step, value: schedule.rate(Math.floor((step - 1) * clock.countsPerStep)) })
    const end = plannedSteps(state) ?? (schedule.end === undefined ? 0 : schedule.end / clock.countsPerStep + 1)
    return {
      kind: schedule.kind,
      points: evenSteps(1, clock.now).map(at),
      projected: evenSteps(clock.now + 1, Math.floor(end)).map(at),
    }
  }
  return null
}

/** LambdaLR keeps no function; under the Trainer its arguments tell which it was. */
function trainerSchedule(state: TrainingState, { value, baseLrs }: SchedulerState): Schedule | undefined {
  const base = baseLrs[0]
  const total = plannedSteps(state)
  if (fieldsOf(value)?.lr_lambdas === undefined || base === undefined || total === undefined) return undefined
  const records = state.records.map((record) => record.value)
  const how = scheduleArguments(records, base, total)
  return how && transformersSchedule(how)
}

function agrees(schedule: Schedule, { lastEpoch, lastLr }: SchedulerState): boolean {
  const stored = lastLr[0]
  if (stored === undefined || lastEpoch === undefined) return false
  return Math.abs(schedule.rate(lastEpoch) - stored) <= TOLERANCE * Math.abs(stored) + 1e-12
}

/** Some rates live in the optimizer's first group (OneCycleLR keeps only their names in its own state). */
function groupRates({ optimizers }: TrainingState): (key: string) => number | undefined {
  const group = optimizers[0]?.groups[0]
  return (key) => (key === 'initial_lr' ? group?.initialLr : numberOf(group?.hyper[key]))
}

/**
 * How the scheduler's count runs beside the steps. Accelerate counts once for each process and step; many scripts count
 * once an epoch. Where the two cannot be brought together the count itself is taken for the step.
 */
function clockOf({ step, epoch }: TrainingState, count: number): { now: number; countsPerStep: number } {
  if (step === undefined || step <= 0 || count === 0) return { now: count, countsPerStep: 1 }
  const perProcess = count % step === 0
  const perEpoch = step % count === 0 && (epoch === count || epoch === count - 1)
  return perProcess || perEpoch ? { now: step, countsPerStep: count / step } : { now: count, countsPerStep: 1 }
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
