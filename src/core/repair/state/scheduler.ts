import { asNumber, mappingOf, PyDict, PyFloat, PyList, type PyValue } from '../../decode/pickle/value'
import { type Anew, notMade } from './anew'
import { type Facts, fileElsewhere, forGroups } from './facts'
import { torchFile } from './file'

/** The scheduler at the step of the checkpoint: another checkpoint's state moved on, or a new one by its hyper-parameters. */
export function rebuildScheduler(facts: Facts): Anew[] {
  if (!facts.lost.has('scheduler')) return []
  const path = facts.checkpoint.layout === 'trainer' ? 'scheduler.pt' : 'scheduler.bin'
  const { rates } = facts
  if (!rates)
    return notMade('scheduler', path, 'The learning rate at this step is written nowhere: a wrong one does more harm')
  const model = fileElsewhere(facts, path)
  const made = model ? movedOn(facts, model.file.value ?? null, model.checkpoint) : byRates(facts)
  if (typeof made === 'string') return notMade('scheduler', path, made)
  const how = model ? `As in ${model.checkpoint.name}, moved to` : made.how
  const rate = rates.now.map((each) => Number(each.toPrecision(6))).join(', ')
  const evidence = `${how} count ${made.count}; the rate ${rate} is that of ${rates.source}`
  return [{ component: 'scheduler', subject: path, evidence, files: [torchFile(path, 'scheduler', made.value)] }]
}

interface Made {
  readonly value: PyValue
  readonly count: number
  readonly how?: string
}

function movedOn(facts: Facts, model: PyValue, other: Facts['checkpoint']): Made | string {
  const entries = mappingOf(model)
  if (!entries || entries.has('num_bad_epochs'))
    return 'It follows what training measures (ReduceLROnPlateau): what it had seen is in no other file'
  if (entries.has('_schedulers')) return 'It is made of several schedulers, whose counts no other file tells'
  const count = countAfter(facts, asNumber(entries.get('last_epoch')), other)
  const groups = mappingOf(model)?.get('base_lrs')
  const now = facts.rates && forGroups(facts.rates.now, groups instanceof PyList ? groups.items.length : 1)
  if (count === undefined || !now) return `The counts of ${other.name} do not tell the count at step ${facts.step}`
  const value = new PyDict()
  for (const [key, each] of entries) value.entries.set(key, each)
  value.entries.set('last_epoch', count)
  if (entries.has('_step_count')) value.entries.set('_step_count', count + 1)
  value.entries.set('_last_lr', floats(now))
  if (entries.has('T_cur')) {
    const cycle = cycleAt(count, asNumber(entries.get('T_0')), asNumber(entries.get('T_mult')))
    if (!cycle) return 'Its cycle at this step cannot be worked out'
    value.entries.set('T_cur', cycle.current)
    value.entries.set('T_i', cycle.length)
  }
  return { value, count }
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

/** Steps into the cycle, and its length, of CosineAnnealingWarmRestarts (torch/optim/lr_scheduler.py, 2.13). */
function cycleAt(count: number, first: number | undefined, factor: number | undefined) {
  if (first === undefined || factor === undefined || first < 1 || factor < 1) return undefined
  let length = first
  let current = count
  for (; current >= length; length *= factor) {
    if (factor === 1) return { current: count % first, length: first }
    current -= length
  }
  return { current, length }
}

/**
 * A state that any scheduler of one function takes: its counts and rates. What function it is the training script says when it
 * makes the scheduler; LambdaLR alone asks for `lr_lambdas`, of which it keeps none that is a plain function.
 */
function byRates(facts: Facts): Made | string {
  const { checkpoint, rates, args, step } = facts
  const type = args?.lr_scheduler_type
  if (type === 'reduce_lr_on_plateau' || type === 'greedy')
    return `It follows what training measures (${type}): what it had seen is in no other file`
  const optimizer = facts.lost.has('optimizer') ? undefined : checkpoint.state.optimizers[0]
  // The Trainer makes two groups: with weight decay and without (transformers 5.18, trainer.py `create_optimizer`).
  const groups = optimizer?.groups.length ?? (checkpoint.layout === 'trainer' ? 2 : (rates?.now.length ?? 1))
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
  const what = args ? `The ${String(type)} schedule of training_args.bin` : 'Whichever schedule the script makes'
  return { value, count, how: `${what}, at` }
}

function floats(numbers: readonly number[]): PyList {
  return new PyList(numbers.map((number) => new PyFloat(number)))
}
