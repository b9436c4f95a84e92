import { plainOf } from '../decode/pickle/plain-of'
import { torchTensorOf } from '../decode/pickle/torch'
import { mappingOf, PyDict, PyList, type PyValue } from '../decode/pickle/value'
import { namedComponent } from './sections'
import { numel } from './tensor'

export type StatePath = readonly (string | number)[]

/** Builds a nested state dict from values at paths: the reverse of torch's flatten_state_dict (_nested_dict.py, 2.13). */
export class NestedState {
  readonly root = new PyDict()
  /** Dicts made here, which no value brought along. */
  private readonly own = new Set<PyValue>([this.root])

  /** Puts a value at its path. A path that leads through another value is kept whole, as one key. */
  set(path: StatePath, value: PyValue): void {
    let at = this.root
    for (const key of path.slice(0, -1)) {
      let next = at.entries.get(key)
      if (next === undefined) {
        next = new PyDict()
        this.own.add(next)
        at.entries.set(key, next)
      }
      if (!(next instanceof PyDict) || !this.own.has(next)) {
        this.root.entries.set(path.join('.'), value)
        return
      }
      at = next
    }
    at.entries.set(path.at(-1) as string | number, value)
  }

  /** The whole, once everything is in it: dicts numbered from 0 are lists, optimizers kept flat are nested. */
  finish(): PyDict {
    for (const [key, value] of this.root.entries) {
      if (!(value instanceof PyDict) || !this.own.has(value)) continue
      this.root.entries.set(key, this.listed(nestedOptimizer(value) ?? value))
    }
    gatherModel(this.root)
    return this.root
  }

  private listed(dict: PyDict): PyDict | PyList {
    for (const [key, value] of dict.entries) {
      if (value instanceof PyDict && this.own.has(value)) dict.entries.set(key, this.listed(value))
    }
    const items = Array.from({ length: dict.entries.size }, (_, i) => dict.entries.get(i))
    const whole = items.length > 0 && items.every((item) => item !== undefined)
    return whole ? new PyList(items as PyValue[]) : dict
  }
}

/** Slots that Megatron puts before the name of the parameter (megatron/core/optimizer, fully_sharded_model_space). */
const SLOTS = ['exp_avg', 'exp_avg_sq', 'momentum_buffer', 'fp32_param', 'param', 'step']

/**
 * An optimizer whose state dict was made flat before it was saved: `state.NAME.exp_avg`, `param_groups.NAME.lr` for each
 * parameter (torch get_optimizer_state_dict with flatten_optimizer_state_dict, _flatten_optim_state_dict in 2.13), or
 * `state.exp_avg.NAME`. Parameters with the same settings become one group. Undefined for anything else.
 */
function nestedOptimizer(flat: PyDict): PyDict | undefined {
  const state = new PyDict()
  const settings = new Map<string, PyDict>()
  for (const [key, value] of flat.entries) {
    const match = typeof key === 'string' ? /^(state|param_groups)\.(.+)\.([^.]+)$/s.exec(key) : null
    if (!match) return undefined
    const [, part, first = '', last = ''] = match
    const leading = part === 'state' ? SLOTS.find((slot) => first === slot || first.startsWith(`${slot}.`)) : undefined
    const slot = leading ?? last
    const name = leading === undefined ? first : `${first.slice(leading.length + 1)}.${last}`.replace(/^\./, '')
    if (part === 'state') dictAt(state, name).entries.set(slot, value)
    else {
      const group = settings.get(name) ?? new PyDict()
      settings.set(name, group.entries.set(slot, value) && group)
    }
  }
  const groups = new Map<string, { group: PyDict; params: string[] }>()
  for (const [name, group] of settings) {
    const key = [...group.entries].map(([setting, value]) => `${String(setting)}=${textOf(value)}`).join(';')
    const known = groups.get(key)
    if (known) known.params.push(name)
    else groups.set(key, { group, params: [name] })
  }
  const list = [...groups.values()].map(({ group, params }) => {
    group.entries.set('params', new PyList(params))
    return group
  })
  if (list.length === 0) {
    const group = new PyDict()
    group.entries.set('params', new PyList([...state.entries.keys()]))
    list.push(group)
  }
  const nested = new PyDict()
  nested.entries.set('state', state).set('param_groups', new PyList(list))
  return nested
}

function dictAt(dict: PyDict, key: string): PyDict {
  const known = dict.entries.get(key)
  if (known instanceof PyDict) return known
  const fresh = new PyDict()
  dict.entries.set(key, fresh)
  return fresh
}

function textOf(value: PyValue): string {
  return JSON.stringify(plainOf(value, { values: 100 }), (_, each) => (typeof each === 'bigint' ? `${each}n` : each))
}

/** torchtitan puts the model's tensors at the top, beside `optimizer` and the rest: they become `model`. */
function gatherModel(root: PyDict): void {
  const entries = [...root.entries]
  const isWeight = (value: PyValue) => {
    const tensor = torchTensorOf(value)
    return tensor !== undefined && numel(tensor.shape) > 1
  }
  const others = entries.some(([key, value]) => mappingOf(value) && namedComponent(String(key)) !== undefined)
  if (!others || root.entries.has('model')) return
  const weights = entries.filter(([, value]) => isWeight(value))
  if (weights.length === 0) return
  const model = new PyDict()
  for (const [key, value] of weights) {
    root.entries.delete(key)
    model.entries.set(key, value)
  }
  root.entries.set('model', model)
}
