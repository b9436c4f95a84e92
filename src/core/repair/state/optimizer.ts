import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { findTensors, torchTensorOf } from '../../decode/pickle/torch'
import {
  asNumber,
  mappingOf,
  PyDict,
  PyFloat,
  PyList,
  PyTuple,
  type PyValue,
  sequenceOf,
} from '../../decode/pickle/value'
import { numberOf } from '../../decode/plain'
import { trainedTensors } from '../../verify/optimizer/names'
import { isDecayed } from '../../verify/shapes/names'
import type { Stored } from '../../write/torch-zip'
import type { Context } from '../context'
import { type Anew, notMade } from './anew'
import { type Facts, type Fields, fileElsewhere, forGroups } from './facts'
import { torchFile } from './file'
import { Store } from './tensors'
import { ZEROED } from './zeroed'

/**
 * An optimizer with its groups, settings and names as they were and with zero moments. Its own count of steps begins at 0
 * as well: with zero moments and a count of many steps Adam would not correct their bias, and its first steps would be
 * several times too long. The learning rate is that of the step.
 */
export function rebuildOptimizer(facts: Facts, { weights, diagnoses }: Context): Anew[] {
  const { lost, args } = facts
  if (!lost.has('optimizer')) return []
  const path = facts.paths.optimizer
  const model = fileElsewhere(facts, path)
  const made = model
    ? likeOther(facts, model.file.value ?? null)
    : args && diagnoses.size === 0
      ? byArguments(facts, args, weights)
      : 'Which optimizer it was, and with which settings, is written nowhere; another checkpoint of the run tells'
  if (typeof made === 'string') return notMade('optimizer', path, made)
  const evidence = optimizerEvidence(facts, model ? likeText(model.checkpoint) : made.how)
  const files = [torchFile(path, 'optimizer', made.value, made.stored)]
  const doubt = facts.intact?.file === path ? facts.intact.message : undefined
  return [{ component: 'optimizer', subject: path, evidence, files, ...(doubt !== undefined && { doubt }) }]
}

/** Who an optimizer's groups and settings are taken from. */
export function likeText({ name }: Pick<Checkpoint, 'name'>): string {
  return `Groups and settings are those of ${name}`
}

export function optimizerEvidence({ rates }: Facts, how: string | undefined): string {
  return `${how}, at the learning rate of ${rates?.source}. Its moments start from zero and it counts its steps from 0, so that their bias is corrected`
}

interface Made {
  readonly value: PyValue
  readonly stored: readonly Stored[]
  readonly how?: string
}

/** The optimizer of another checkpoint of the run with zero moments; a sentence where that cannot be made. */
export function likeOther(facts: Facts, model: PyValue, store = new Store()): Made | string {
  const entries = mappingOf(model)
  const state = mappingOf(entries?.get('state'))
  const groups = sequenceOf(entries?.get('param_groups'))
  if (!entries || !state || !groups) return 'The optimizer of the other checkpoint is of a form that is not known'
  const now = facts.rates && forGroups(facts.rates.now, groups.length)
  if (!now) return 'The learning rate at this step is written nowhere'
  if (findTensors(entries.get('param_groups') ?? null).length > 0)
    return 'Its settings are tensors, and which values they have at this step is written nowhere'
  const fresh = new PyDict()
  for (const [key, slots] of state) {
    const made = freshSlots(slots, store)
    if (typeof made === 'string') return made
    fresh.entries.set(key, made)
  }
  const value = new PyDict()
  for (const [key, each] of entries) value.entries.set(key, each)
  value.entries.set('state', fresh)
  value.entries.set('param_groups', new PyList(groups.map((group, i) => regrouped(group, now[i] as number))))
  return { value, stored: store.stored }
}

function freshSlots(slots: PyValue, store: Store): PyDict | string {
  const fresh = new PyDict()
  for (const [slot, value] of mappingOf(slots) ?? []) {
    const tensor = torchTensorOf(value)
    if (slot === 'step') fresh.entries.set(slot, tensor ? store.zeros(tensor.dtype, tensor.shape) : 0)
    else if (slot === 'mu_product') fresh.entries.set(slot, tensor ? store.one() : new PyFloat(1))
    else if (tensor && ZEROED.has(String(slot))) fresh.entries.set(slot, store.zeros(tensor.dtype, tensor.shape))
    // Of transformers' Adafactor: it is measured anew before it is used.
    else if (slot === 'RMS') fresh.entries.set(slot, 0)
    else if (value === null) fresh.entries.set(slot, null)
    else return `Its state keeps ${String(slot)}, and with which values that begins is not known`
  }
  return fresh
}

function regrouped(group: PyValue, rate: number): PyValue {
  const fresh = new PyDict()
  for (const [key, value] of mappingOf(group) ?? []) fresh.entries.set(key, value)
  fresh.entries.set('lr', new PyFloat(rate))
  // FusedAdam of apex counts in the group.
  if (asNumber(fresh.entries.get('step')) !== undefined) fresh.entries.set('step', 0)
  return fresh
}

/**
 * AdamW as the Trainer makes it from its arguments (transformers 5.18, trainer.py `create_optimizer`): parameters with weight
 * decay first, biases and norms in a group without.
 */
function byArguments(facts: Facts, args: Fields, weights: readonly Tensor[]): Made | string {
  const { optim } = args
  if (optim !== 'adamw_torch' && optim !== 'adamw_torch_fused')
    return `The state of ${String(optim)} cannot be made up; another checkpoint of the run has its form`
  const setting = (key: string) => new PyFloat(numberOf(args[key]) ?? 0)
  const now = facts.rates && forGroups(facts.rates.now, 2)
  const base = facts.rates && forGroups(facts.rates.base, 2)
  if (!now || !base) return 'The learning rate at this step is written nowhere'
  const trained = trainedTensors(facts.checkpoint)
  if (!trained)
    return 'In which order the model registers its parameters is not known; another checkpoint of the run tells'
  const parts = [true, false].map((decayed) => trained.filter(({ name }) => isDecayed(name) === decayed))
  const store = new Store()
  const state = new PyDict()
  for (const [i, { dtype, shape }] of parts.flat().entries()) {
    const slots = new PyDict()
    slots.entries.set('step', store.zeros('float32', []))
    slots.entries.set('exp_avg', store.zeros(dtype, shape))
    slots.entries.set('exp_avg_sq', store.zeros(dtype, shape))
    state.entries.set(i, slots)
  }
  let next = 0
  const groups = parts.map((part, i) => {
    const group = new PyDict()
    for (const [key, value] of [
      ['weight_decay', i === 0 ? setting('weight_decay') : new PyFloat(0)],
      ['lr', new PyFloat(now[i] as number)],
      ['betas', new PyTuple([setting('adam_beta1'), setting('adam_beta2')])],
      ['eps', setting('adam_epsilon')],
      ...(['amsgrad', 'maximize'] as const).map((each) => [each, false] as const),
      ['foreach', null],
      ...(['capturable', 'differentiable'] as const).map((each) => [each, false] as const),
      ['fused', optim === 'adamw_torch_fused' ? true : null],
      ['decoupled_weight_decay', true],
      ['initial_lr', new PyFloat(base[i] as number)],
      ['params', new PyList(part.map(() => next++))],
    ] as const) {
      group.entries.set(key, value)
    }
    return group
  })
  const value = new PyDict()
  value.entries.set('state', state)
  value.entries.set('param_groups', new PyList(groups))
  return {
    value,
    stored: store.stored,
    how: `AdamW as training_args.bin sets it, for ${weights.length} tensors of ${facts.checkpoint.name}`,
  }
}
