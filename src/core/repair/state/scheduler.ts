import { schedulerOf } from '../../checkpoint/training/scheduler'
import { mappingOf, PyDict, PyList, type PyValue } from '../../decode/pickle/value'
import { type Anew, notMade } from './anew'
import { type Facts, fileElsewhere, forGroups } from './facts'
import { torchFile } from './file'
import { floats, movedTo } from './moved'
import { isPlateau, replayedPlateau } from './plateau'

/** The scheduler at the step of the checkpoint: another checkpoint's state moved on, or a new one by its hyper-parameters. */
export function rebuildScheduler(facts: Facts): Anew[] {
  if (!facts.lost.has('scheduler')) return []
  const path = facts.paths.scheduler
  const model = fileElsewhere(facts, path)
  const made = schedulerFor(facts, model && { value: model.file.value ?? null, checkpoint: model.checkpoint })
  if (typeof made === 'string') return notMade('scheduler', path, made)
  const { value, evidence } = made
  const doubt = made.doubt ?? strayDoubt(facts)
  const files = [torchFile(path, 'scheduler', value)]
  return [{ component: 'scheduler', subject: path, evidence, files, ...(doubt !== undefined && { doubt }) }]
}

function strayDoubt({ stray, step }: Facts): string | undefined {
  return stray && `${stray.message}. It may be of another save, and can be made anew for step ${step}`
}

/** A scheduler's state, and from what it was made. */
export interface MadeScheduler {
  readonly value: PyDict
  readonly evidence: string
  /** What only the user can know: it is made only on their word. */
  readonly doubt?: string
}

/** `model`: the state of the same scheduler in another checkpoint of the run. A sentence that says why where there is none. */
export function schedulerFor(
  facts: Facts,
  model: { readonly value: PyValue; readonly checkpoint: Facts['checkpoint'] } | undefined,
): MadeScheduler | string {
  const { rates, args } = facts
  const isMetric = isPlateau(model?.value) || args?.lr_scheduler_type === 'reduce_lr_on_plateau'
  if (isMetric || args?.lr_scheduler_type === 'greedy') return plateau(facts, model)
  if (!rates) return 'The learning rate at this step is written nowhere: a wrong one does more harm'
  const made = model ? movedOn(facts, model.value, model.checkpoint) : byRates(facts)
  if (typeof made === 'string') return made
  const rate = rates.now.map(short).join(', ')
  const evidence = `${made.how} count ${made.count}; the rate ${rate} is that of ${rates.source}`
  return { value: made.value, evidence, ...(made.doubt !== undefined && { doubt: made.doubt }) }
}

function short(rate: number): string {
  return String(Number(rate.toPrecision(6)))
}

/** What follows a metric is shown again what was logged of it; else it may take over what it had seen at another step. */
function plateau(facts: Facts, model: Parameters<typeof schedulerFor>[1]): MadeScheduler | string {
  const groups = groupsOf(facts)
  const replayed = replayedPlateau(facts, groups)
  const unknown = 'It follows what training measures: what it had seen is in no other file'
  if (replayed) {
    const { value, evaluations, rate } = replayed
    const now = facts.lost.has('optimizer') ? undefined : facts.rates?.now
    if (now?.some((each) => Math.abs(each - rate) > 1e-6 * Math.abs(rate)))
      return `Shown the ${evaluations} logged evaluations again it comes to the rate ${short(rate)}, and the optimizer has ${now.map(short).join(', ')}`
    const evidence = `ReduceLROnPlateau as training_args.bin sets it, shown the ${evaluations} logged evaluations again: it comes to the rate ${short(rate)}`
    return { value, evidence }
  }
  const seen = model && isPlateau(model.value) ? mappingOf(model.value) : undefined
  const now = facts.rates && forGroups(facts.rates.now, groups)
  if (!seen || !model || !now) return unknown
  const value = new PyDict()
  for (const [key, each] of seen) value.entries.set(key, each)
  value.entries.set('_last_lr', floats(now))
  const { name } = model.checkpoint
  const doubt = `${unknown}. With what it had seen at ${name} it would lower the rate at another time than it would have`
  return { value, evidence: `As at ${name}, with the rates of ${facts.rates?.source}`, doubt }
}

interface Made {
  readonly value: PyDict
  readonly count: number
  readonly how: string
  readonly doubt?: string
}

function movedOn(facts: Facts, model: PyValue, other: Facts['checkpoint']): Made | string {
  const state = schedulerOf(model, '')
  const count = countAfter(facts, state?.lastEpoch, other)
  const groups = state?.baseLrs.length ?? 0
  const now = facts.rates && forGroups(facts.rates.now, groups > 0 ? groups : 1)
  if (count === undefined || !now) return `The counts of ${other.name} do not tell the count at step ${facts.step}`
  const value = movedTo(model, count, now)
  return typeof value === 'string' ? value : { value, count, how: `As in ${other.name}, moved to` }
}

/** A scheduler counts steps, steps times processes (Accelerate) or epochs: as the other checkpoint shows. */
function countAfter(facts: Facts, last: number | undefined, other: Facts['checkpoint']): number | undefined {
  const { step, epoch } = other.state
  if (last === undefined || step === undefined || step === 0) return undefined
  if (last % step === 0 && last > 0) return (last / step) * facts.step
  const own = facts.checkpoint.state.epoch
  if (epoch === undefined || own === undefined || Math.abs(last - epoch) > 1) return undefined
  return Math.floor(own) + last - Math.floor(epoch)
}

/** The Trainer makes two groups: with weight decay and without (transformers 5.18, trainer.py `create_optimizer`). */
function groupsOf({ checkpoint, lost, rates }: Facts): number {
  const optimizer = lost.has('optimizer') ? undefined : checkpoint.state.optimizers[0]
  return optimizer?.groups.length ?? (checkpoint.layout === 'trainer' ? 2 : (rates?.now.length ?? 1))
}

/**
 * A state that any scheduler of one function takes: its counts and rates. What function it is the training script says when it
 * makes the scheduler; LambdaLR alone asks for `lr_lambdas`, of which it keeps none that is a plain function. Where nothing
 * tells that it is such a one, the user has to.
 */
function byRates(facts: Facts): Made | string {
  const { checkpoint, rates, args, step } = facts
  const type = args?.lr_scheduler_type
  const groups = groupsOf(facts)
  const now = rates && forGroups(rates.now, groups)
  const base = rates && forGroups(rates.base, groups)
  if (!now || !base) return 'The optimizer has another number of groups than there are known rates'
  const count = checkpoint.layout === 'accelerate' ? step * (checkpoint.state.worldSize ?? 1) : step
  const value = new PyDict()
  const isFunction = args === undefined || type === 'constant'
  for (const [key, each] of [
    ['base_lrs', floats(base)],
    ['last_epoch', count],
    ['_step_count', count + 1],
    ['_is_initial', false],
    ['_get_lr_called_within_step', false],
    ['_last_lr', floats(now)],
    ['lr_lambdas', new PyList(now.map(() => (isFunction ? null : new PyDict())))],
  ] as const) {
    value.entries.set(key, each)
  }
  if (args) return { value, count, how: `The ${String(type)} schedule of training_args.bin, at` }
  if (isOneCycle(facts)) return { value, count, how: 'OneCycleLR, whose rates the groups of the optimizer keep, at' }
  return { value, count, how: 'Whichever schedule the script makes, at', doubt: ONE_FUNCTION }
}

const ONE_FUNCTION =
  'Which scheduler the script makes is written nowhere; another checkpoint of the run tells. Counts and rates are enough for one that goes by them (LambdaLR, StepLR, CosineAnnealingLR, OneCycleLR ...), not for one with warm restarts, for several in one, or for ReduceLROnPlateau'

/** OneCycleLR alone keeps these in the groups (torch/optim/lr_scheduler.py, 2.13). */
function isOneCycle({ checkpoint, lost }: Facts): boolean {
  const groups = lost.has('optimizer') ? [] : (checkpoint.state.optimizers[0]?.groups ?? [])
  return groups.length > 0 && groups.every(({ hyper }) => 'max_lr' in hyper && 'min_lr' in hyper)
}
