import type { Checkpoint, SchedulerState, StateFile } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { redraw } from '../../history/redraw'
import { scheduleArguments, transformersSchedule } from '../../history/transformers-schedule'
import type { Context } from '../context'

/** The entries of an object. */
export type Fields = { readonly [key: string]: Plain }

/** What is known of the training that a checkpoint is of, from its own files and from the rest of the run. */
export interface Facts {
  readonly checkpoint: Checkpoint
  /** Optimizer steps taken. */
  readonly step: number
  /** Other checkpoints of the run, the surest first. */
  readonly others: readonly Checkpoint[]
  /** The Trainer's arguments (training_args.bin), of this checkpoint or of another of the run. */
  readonly args?: Fields
  /** Components that have to be made anew. */
  readonly lost: ReadonlySet<string>
  /** Learning rates after `step`: one for each group of the optimizer, or one for all; and who says so. */
  readonly rates?: Rates
}

export interface Rates {
  readonly now: readonly number[]
  readonly base: readonly number[]
  readonly source: string
}

/** Undefined where the step is not known: then nothing can be placed in time. */
export async function factsOf(context: Context): Promise<Facts | undefined> {
  const { checkpoint, verification } = context
  const { step } = checkpoint.state
  if (step === undefined) return undefined
  const others = await context.neighbours()
  const amiss = verification.components.filter(({ status }) => status === 'missing' || status === 'damaged')
  const lost = new Set<string>(amiss.map(({ id }) => id))
  // Alone, a checkpoint without a scheduler may never have had one.
  if (others.some(({ state }) => state.schedulers.length > 0) && checkpoint.state.schedulers.length === 0)
    lost.add('scheduler')
  const args = [checkpoint, ...others].map(argumentsIn).find((each) => each !== undefined)
  const facts = { checkpoint, step, others, lost, ...(args && { args }) }
  const rates = ratesOf(facts)
  return { ...facts, ...(rates && { rates }) }
}

/** The arguments among a checkpoint's records: a pickled TrainingArguments, whatever its class is called. */
function argumentsIn({ state }: Checkpoint): Fields | undefined {
  for (const { value } of state.records) {
    const [inner] = Object.values(fieldsOf(value) ?? {})
    const fields = fieldsOf(inner)
    if (typeof fields?.lr_scheduler_type === 'string' && numberOf(fields.learning_rate) !== undefined) return fields
  }
  return undefined
}

/** A file of another checkpoint of the run that holds such a component and was not made anew itself; the surest first. */
export function fileElsewhere(
  { others }: Pick<Facts, 'others'>,
  path: string,
): { file: StateFile; checkpoint: Checkpoint } | undefined {
  for (const checkpoint of others) {
    const file = checkpoint.files.find((each) => each.path === path)
    const whole = file?.value !== undefined && file.rebuilt === undefined
    if (whole && file.findings.every(({ severity }) => severity !== 'error')) return { file, checkpoint }
  }
  return undefined
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

/** From the optimizer's groups, the scheduler, the Trainer's arguments, or the schedule of another checkpoint. */
function ratesOf(facts: Omit<Facts, 'rates'>): Rates | undefined {
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
  return { now, base, source: scheduler ? `${name}, for one step: the scheduler sets its own at the next` : name }
}

function basesOf({ baseLrs, lastLr }: SchedulerState): readonly number[] {
  return baseLrs.length === lastLr.length ? baseLrs : lastLr
}

function ratesByArguments(facts: Omit<Facts, 'rates'>, args: Fields | undefined): Rates | undefined {
  const base = numberOf(args?.learning_rate)
  const total = totalSteps(facts)
  const how =
    args && base !== undefined && total !== undefined ? scheduleArguments([{ ...args }], base, total) : undefined
  const schedule = how && transformersSchedule(how)
  if (!schedule || base === undefined) return undefined
  const source = `the schedule ${schedule.kind} of training_args.bin over ${total} steps`
  return { now: [schedule.rate(facts.step)], base: [base], source }
}

/** By the schedule that another checkpoint keeps; a rate is that which the next step uses. */
function ratesByOther(other: Checkpoint, step: number): Rates | undefined {
  const scheduler = other.state.schedulers[0]
  const base = scheduler?.baseLrs[0]
  if (base === undefined || base === 0 || !scheduler) return undefined
  const { schedule } = redraw(other)
  const equal = scheduler.baseLrs.every((each) => each === base)
  const scaled = fieldsOf(scheduler.value)?.lr_lambdas !== undefined
  if (!schedule || (!equal && !scaled)) return undefined
  const factor = schedule.rateAt(step + 1) / base
  return {
    now: scheduler.baseLrs.map((each) => each * factor),
    base: scheduler.baseLrs,
    source: `the schedule ${schedule.kind} of ${other.name}`,
  }
}

/** One number for each of `count` groups: as they are, or the one for all. Undefined where they do not fit. */
export function forGroups(numbers: readonly number[], count: number): number[] | undefined {
  if (numbers.length === count) return [...numbers]
  const [only] = numbers
  return numbers.length === 1 && only !== undefined ? new Array<number>(count).fill(only) : undefined
}
