import type { Checkpoint, SchedulerState } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { redraw } from '../../history/redraw'
import { scheduleArguments, transformersSchedule } from '../../history/transformers-schedule'
import type { Facts, Fields } from './facts'
import { replayedPlateau } from './plateau'

/** Learning rates after a step: one for each group of the optimizer, or one for all; and who says so. */
export interface Rates {
  readonly now: readonly number[]
  readonly base: readonly number[]
  readonly source: string
}

/** From the optimizer's groups, the scheduler, the Trainer's arguments, or the schedule of another checkpoint. */
export function ratesOf(facts: Omit<Facts, 'rates'>): Rates | undefined {
  const { checkpoint, lost, args, others, step } = facts
  const { optimizers, schedulers } = checkpoint.state
  const groups = lost.has('optimizer') ? [] : (optimizers[0]?.groups ?? [])
  const known = groups.flatMap(({ lr, initialLr }) => (lr === undefined ? [] : [[lr, initialLr ?? lr] as const]))
  if (known.length > 0 && known.length === groups.length) {
    return { now: known.map(([now]) => now), base: known.map(([, base]) => base), source: "the optimizer's groups" }
  }
  const own = lost.has('scheduler') ? undefined : schedulers[0]
  if (own && own.lastLr.length > 0) {
    return { now: own.lastLr, base: basesOf(own), source: own.file }
  }
  const twin = others.find(({ state }) => state.step === step && (state.schedulers[0]?.lastLr.length ?? 0) > 0)
  const same = twin?.state.schedulers[0]
  if (twin && same) return { now: same.lastLr, base: basesOf(same), source: `${twin.name}, of the same step` }
  return (
    ratesByArguments(facts, args) ??
    others.flatMap((other) => ratesByOther(other, step) ?? [])[0] ??
    others.flatMap((other) => ratesOfOther(other) ?? [])[0]
  )
}

/** The rates of another step, where the scheduler does not go by them and sets its own at the next one. */
function ratesOfOther({ name, state }: Checkpoint): Rates | undefined {
  const [scheduler] = state.schedulers
  if (scheduler && fieldsOf(scheduler.value)?.lr_lambdas === undefined) return undefined
  const groups = state.optimizers[0]?.groups ?? []
  const now = groups.flatMap(({ lr }) => lr ?? [])
  const base = groups.flatMap(({ lr, initialLr }) => initialLr ?? lr ?? [])
  if (now.length === 0 || now.length !== groups.length) return undefined
  // A scheduler that is not known has set them.
  if (!scheduler && groups.some(({ initialLr }) => initialLr !== undefined)) return undefined
  return { now, base, source: scheduler ? `${name}, for one step: the scheduler sets its own at the next` : name }
}

function basesOf({ baseLrs, lastLr }: SchedulerState): readonly number[] {
  return baseLrs.length === lastLr.length ? baseLrs : lastLr
}

function ratesByArguments(facts: Omit<Facts, 'rates'>, args: Fields | undefined): Rates | undefined {
  const base = numberOf(args?.learning_rate)
  if (base === undefined) return undefined
  const plateau = replayedPlateau(facts, 1)
  if (plateau) {
    const source = `${plateau.evaluations} logged evaluations, shown to it again`
    return { now: [plateau.rate], base: [base], source }
  }
  const total = totalSteps(facts)
  const how = args && total !== undefined ? scheduleArguments([{ ...args }], base, total) : undefined
  const schedule = how && transformersSchedule(how)
  if (!schedule) return undefined
  const source = `the schedule ${schedule.kind} of training_args.bin over ${total} steps`
  return { now: [schedule.rate(facts.step)], base: [base], source }
}

/** By the schedule that another checkpoint keeps; a rate is that which the next step uses. */
function ratesByOther(other: Checkpoint, step: number): Rates | undefined {
  const [scheduler] = other.state.schedulers
  const [first] = scheduler?.baseLrs ?? []
  const { schedule } = redraw(other)
  if (!scheduler || !schedule || first === undefined || first === 0) return undefined
  const factor = schedule.rateAt(step + 1) / first
  const proportional = scheduler.baseLrs.every((each) => each === first) || fieldsOf(scheduler.value)?.lr_lambdas
  const now = scheduler.baseLrs.map((base, i) =>
    proportional ? base * factor : redraw(ofGroup(other, scheduler, i)).schedule?.rateAt(step + 1),
  )
  if (!now.every((each) => each !== undefined)) return undefined
  return { now, base: scheduler.baseLrs, source: `the schedule ${schedule.kind} of ${other.name}` }
}

/** The checkpoint as if its optimizer had this one group alone: what is drawn is drawn for the first. */
function ofGroup(other: Checkpoint, scheduler: SchedulerState, i: number): Checkpoint {
  const only = (numbers: readonly number[]) => numbers.slice(i, i + 1)
  const narrowed = {
    ...scheduler,
    baseLrs: only(scheduler.baseLrs),
    lastLr: only(scheduler.lastLr),
    value: narrow(scheduler.value, i),
  }
  const optimizers = other.state.optimizers.map((each) => ({ ...each, groups: each.groups.slice(i, i + 1) }))
  return { ...other, state: { ...other.state, schedulers: [narrowed], optimizers } }
}

/** Entries of scheduler states with a number for each group. */
const BY_GROUP = new Set(['base_lrs', 'max_lrs', '_last_lr', 'min_lrs'])

function narrow(value: Plain, i: number): Plain {
  const fields = fieldsOf(value)
  if (!fields) return value
  const narrowed: Record<string, Plain> = Object.create(null)
  for (const [key, each] of Object.entries(fields)) {
    if (!Array.isArray(each)) narrowed[key] = each
    else if (key === '_schedulers') narrowed[key] = each.map((part) => narrow(part, i))
    else narrowed[key] = BY_GROUP.has(key) ? each.slice(i, i + 1) : each
  }
  return narrowed
}

/** The number of steps that the run was meant to take. */
export function totalSteps({ checkpoint, others, args, step }: Omit<Facts, 'rates'>): number | undefined {
  for (const { state } of [checkpoint, ...others]) {
    for (const { value } of state.records) {
      const steps = numberOf(fieldsOf(value)?.max_steps)
      if (steps !== undefined && steps > 0) return steps
    }
  }
  const asked = numberOf(args?.max_steps)
  if (asked !== undefined && asked > 0) return asked
  const epochs = numberOf(args?.num_train_epochs)
  const { epoch } = checkpoint.state
  return epochs === undefined || !epoch ? undefined : Math.ceil((epochs * step) / epoch)
}
