import type { Checkpoint, OptimizerState, StateFile } from '../../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import type { RuleId } from '../../finding'
import type { Context } from '../context'
import { mendedMoments, spoiltOptimizers } from '../moments'
import { lackedMoments, MOMENTS_OVER, referenceTo } from '../sources'
import { type Rates, ratesOf } from './rates'

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
  /** What was logged up to the step and later: the Trainer's `log_history`. */
  readonly history?: readonly Plain[]
  /** Components that have to be made anew. */
  readonly lost: ReadonlySet<string>
  /** What a finding says of a scheduler that counts other steps than everything else here: it is made anew only on the user's word. */
  readonly stray?: { readonly file: string; readonly message: string }
  /** Why an optimizer whose moments can be read is given up only on the user's word: the weights may be what is wrong. */
  readonly intact?: { readonly file: string; readonly message: string }
  /** Where the loader looks for the states. */
  readonly paths: { readonly optimizer: string; readonly scheduler: string }
  /** Learning rates after `step`: one for each group of the optimizer, or one for all; and who says so. */
  readonly rates?: Rates
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
  const stray = lost.has('scheduler') ? undefined : strayScheduler(verification)
  if (stray !== undefined) lost.add('scheduler')
  if (isOfLostWeights(context, others) || (await isMended(context))) lost.delete('optimizer')
  const intact = lost.has('optimizer') ? intactOptimizer(context, others) : undefined
  const history =
    historyOf(checkpoint) ?? others.map(historyIn).find((each) => each !== undefined && reaches(each, step))
  const [optimizer, scheduler] = checkpoint.layout === 'trainer' ? TRAINER : ACCELERATE
  const facts = {
    checkpoint,
    step,
    others,
    lost,
    paths: { optimizer, scheduler },
    ...(stray !== undefined && { stray }),
    ...(intact !== undefined && { intact }),
    ...(args && { args }),
    ...(history && { history }),
  }
  const rates = ratesOf(facts)
  return { ...facts, ...(rates && { rates }) }
}

const TRAINER = ['optimizer.pt', 'scheduler.pt'] as const
const ACCELERATE = ['optimizer.bin', 'scheduler.bin'] as const

/** The scheduler of another save: it alone counts otherwise. */
function strayScheduler({ findings }: Context['verification']): Facts['stray'] {
  const of = (rule: RuleId) => findings.find((each) => each.rule === rule && each.severity !== 'info')
  const own = of('scheduler/step-mismatch')
  return own && !of('optimizer/step-mismatch') && !of('trainer/step-mismatch')
    ? { file: own.subject, message: own.message }
    : undefined
}

/** Whether all that is wrong with the optimizers is single moments, which are mended where they are. */
async function isMended(context: Context): Promise<boolean> {
  const [mended, spoilt] = [await mendedMoments(context), spoiltOptimizers(context)]
  return spoilt.length > 0 && spoilt.every(({ file }) => mended.has(file))
}

/** Whether all that seems wrong with the optimizer is that weights were lost whose moments it still keeps. */
function isOfLostWeights({ checkpoint, verification, reference }: Context, others: readonly Checkpoint[]): boolean {
  const files = new Set(checkpoint.state.optimizers.map(({ file }) => file))
  const { findings } = verification
  const wrong = findings.filter(({ severity, subject }) => severity === 'error' && files.has(subject))
  const models = [reference, ...others.map((other) => referenceTo(checkpoint, other))]
  const gone = models.flatMap((model) => model?.lacking(checkpoint.config) ?? [])
  return (
    wrong.length > 0 &&
    wrong.every(({ rule, subject }) => gone.some(({ values }) => lackedMoments(rule, subject, values, verification)))
  )
}

/** At most this part of the moments is out of place: then the others tell that the optimizer is of this model. */
const FEW = 0.2

/** An optimizer with which nothing is wrong but that some weights have other shapes, where it is rather theirs that are wrong. */
function intactOptimizer({ checkpoint, verification }: Context, others: readonly Checkpoint[]): Facts['intact'] {
  for (const optimizer of checkpoint.state.optimizers) {
    const { file } = optimizer
    const wrong = verification.findings.filter(({ severity, subject }) => severity === 'error' && subject === file)
    if (wrong.length === 0 || wrong.some(({ rule }) => !MOMENTS_OVER.includes(rule))) continue
    const alike = others.find(({ state }) => state.optimizers.some((each) => haveSameMoments(each, optimizer)))
    const few = wrong.every(({ evidence }) => {
      return Number(evidence?.strangers) <= Number(evidence?.moments) * FEW
    })
    if (!alike && !few) continue
    const who = alike ? `the shapes that they have in ${alike.name}` : 'with few exceptions the shapes of the weights'
    const message = `${wrong[0]?.message}. But its moments can be read and have ${who}: rather the weights are wrong. Made anew, it would lose all of them`
    return { file, message }
  }
  return undefined
}

function haveSameMoments(a: OptimizerState, b: OptimizerState): boolean {
  const shapes = new Map(a.parameters.map(({ key, tensors }) => [key, textOf(tensors)]))
  return (
    a.parameters.length === b.parameters.length &&
    b.parameters.every(({ key, tensors }) => shapes.get(key) === textOf(tensors))
  )
}

function textOf(tensors: OptimizerState['parameters'][number]['tensors']): string {
  return Object.entries(tensors)
    .map(([slot, { shape }]) => `${slot} ${shape}`)
    .join()
}

/** The history in trainer_state.json. */
function historyIn({ state }: Checkpoint): readonly Plain[] | undefined {
  const found = state.records.map(({ value }) => fieldsOf(value)?.log_history)
  return found.find((each) => Array.isArray(each)) as readonly Plain[] | undefined
}

/** Its own, unless that was put together of what other checkpoints of the run knew. */
function historyOf(checkpoint: Checkpoint): readonly Plain[] | undefined {
  return checkpoint.rebuilt?.some(({ component }) => component === 'trainer') ? undefined : historyIn(checkpoint)
}

/** Whether nothing of what was logged by the step is missing from a history, so far as it shows. */
function reaches(history: readonly Plain[], step: number): boolean {
  return history.some((entry) => (numberOf(fieldsOf(entry)?.step) ?? 0) >= step)
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

/** One number for each of `count` groups: as they are, or the one for all. Undefined where they do not fit. */
export function forGroups(numbers: readonly number[], count: number): number[] | undefined {
  if (numbers.length === count) return [...numbers]
  const [only] = numbers
  return numbers.length === 1 && only !== undefined ? new Array<number>(count).fill(only) : undefined
}

/** Seeds are 32 bits wide for NumPy. */
const SEEDS = 2 ** 32

/** What a process is seeded with anew: from the run's own seed, the step and the rank. */
export function seedOf({ args, step }: Pick<Facts, 'args' | 'step'>, rank: number): number {
  return ((numberOf(args?.seed) ?? 0) + step + rank) % SEEDS
}
