import { numpyTensorOf } from '../decode/pickle/numpy-tensor'
import { stateFields } from '../decode/pickle/state-fields'
import { torchTensorOf } from '../decode/pickle/torch'
import {
  mappingOf,
  PyBytes,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  type PyValue,
  sequenceOf,
} from '../decode/pickle/value'
import { containerOf, partsOf } from '../decode/pickle/walk'
import type { ComponentId } from './checkpoint'
import { numel } from './tensor'

/** One part of a pickled root object, and what it is the state of. */
export interface Section {
  /** Key in the root, or undefined when the section is the whole root. */
  readonly key?: string
  readonly component: ComponentId
  readonly value: PyValue
}

/** What keys are called in training scripts and frameworks (nanoGPT, Lightning, timm, fairseq, nnU-Net, Ultralytics ...). */
const KEYS: readonly { readonly component: ComponentId; readonly pattern: RegExp }[] = [
  // fairseq: counts of updates, no state of an optimizer.
  { component: 'trainer', pattern: /^optimizer_history$/ },
  { component: 'rng', pattern: /(^|_)rng(_|$)|random_states?|(^|_)seed_states?$/ },
  { component: 'sampler', pattern: /sampler|data_?loader|train_iterator|dl_state/ },
  { component: 'scaler', pattern: /scaler|^(native_)?amp(_|$)|^mixedprecision$/ },
  { component: 'scheduler', pattern: /sched/ },
  { component: 'optimizer', pattern: /(^|_)optim(izers?)?(_|$)/ },
  {
    component: 'config',
    pattern:
      /^(config|cfg|conf|args|hparams|hyper_?param(eter)?s|opts?|options|.+_(config|args|hparams|hyper_parameters))$/,
  },
  { component: 'trainer', pattern: /^(callbacks|loops|logging|(log_)?history|(train_)?metrics|trainer(_state)?)$/ },
  {
    component: 'weights',
    pattern: /^(model|module|state_dict|net|network|weights|params|ema)(_|$)|_(model|state_dict|ema|weights)$/,
  },
]

/** Components whose files may be a training dict of several parts. */
const MIXED: ReadonlySet<ComponentId> = new Set(['weights', 'trainer'])

/** The sections of a file opened as `component`: several only where a training dict may be. */
export function sectionsIn(value: PyValue | undefined, component: ComponentId): Section[] {
  if (value === undefined) return []
  return MIXED.has(component) ? sectionsOf(value, component) : [{ component, value }]
}

/**
 * Splits a pickled root by what its parts are the state of. A state dict, an optimizer's or a scheduler's dict is one
 * section, of the component its contents show and `whole` if they show none; a training dict
 * (`{'model': ..., 'optimizer': ..., 'epoch': 3}`) is one section a key, a list or tuple of the same one an index. Names decide
 * only where contents do not.
 */
function sectionsOf(root: PyValue, whole: ComponentId): Section[] {
  const shown = byContents(root) ?? byClass(root)
  const budget = { visits: SEARCH_LIMIT }
  const entries = shown ? undefined : (dictParts(root) ?? listParts(root, budget))
  if (!entries) return [{ component: shown ?? whole, value: root }]
  const sections = entries.flatMap(([key, value]): Section[] => {
    const wraps = typeof key === 'number' || WRAPPERS.has(String(key))
    const inner = wraps && isWrapper(value) ? mappingOf(value) : undefined
    if (!inner) return [{ key: String(key), component: componentOf(String(key), value, budget), value }]
    return [...inner].map(([name, part]) => ({
      key: `${String(key)}.${String(name)}`,
      component: componentOf(String(name), part, budget),
      value: part,
    }))
  })
  const hasWeights = whole !== 'weights' || sections.some(({ component }) => component === 'weights')
  return hasWeights ? sections : sections.map(arraysAsWeights)
}

/** Where no tensor is, NumPy arrays are the model: `{'w': array, 'lr': 0.1}`. */
function arraysAsWeights(section: Section): Section {
  const { key = '', component, value } = section
  const isModel = component === 'trainer' && namedComponent(key) === undefined && holdsArray(value)
  return isModel ? { ...section, component: 'weights' } : section
}

/** An array of several numbers, or a dict or list of nothing but such. A tuple is a state of NumPy's generator. */
function holdsArray(value: PyValue): boolean {
  const array = numpyTensorOf(value)
  if (array) return numel(array.shape) > 1
  const parts = value instanceof PyList ? value.items : [...(mappingOf(value)?.values() ?? [])]
  return parts.length > 0 && parts.every((part) => numpyTensorOf(part))
}

/** Bytes of the state of torch's CPU generator (ATen CPUGeneratorImpl, checked with torch 2.13). */
const GENERATOR_BYTES = 5056

/** What is pickled whole, with its class: an optimizer, a scheduler, a sampler; and a bare `torch.get_rng_state()`. */
function byClass(root: PyValue): ComponentId | undefined {
  const tensor = torchTensorOf(root)
  if (tensor) return tensor.dtype === 'uint8' && tensor.shape.join() === String(GENERATOR_BYTES) ? 'rng' : undefined
  if (!(root instanceof PyObject) || !(root.callable instanceof PyGlobal)) return undefined
  if (/Sampler$/.test(root.callable.name)) return 'sampler'
  const fields = stateFields(root.state)
  if (fields?.has('param_groups') && fields.has('state')) return 'optimizer'
  return fields?.has('last_epoch') && fields.has('_step_count') ? 'scheduler' : undefined
}

function dictParts(root: PyValue): (readonly [PyValue, PyValue])[] | undefined {
  const entries = mappingOf(root)
  if (!entries) return undefined
  const wraps = [...WRAPPERS].some((key) => isWrapper(entries.get(key)))
  return wraps || isTrainingDict(entries) ? [...entries] : undefined
}

/** `torch.save((model.state_dict(), optimizer.state_dict(), 7), path)`: what stands beside a state, or plain values beside weights. */
function listParts(root: PyValue, budget: { visits: number }): (readonly [number, PyValue])[] | undefined {
  const items = sequenceOf(root)
  if (!items || items.length > MOST_PARTS || items.some((item) => torchTensorOf(item))) return undefined
  const isState = items.some((item) => byContents(item) !== undefined || isWrapper(item))
  const isBeside = items.some((item) => !isContainer(item)) && items.some((item) => holdsTensor(item, budget))
  return isState || isBeside ? items.map((item, i) => [i, item] as const) : undefined
}

/** Whether a value is a whole training dict, inside of another value. */
function isWrapper(value: PyValue | undefined): boolean {
  const inner = mappingOf(value)
  return inner !== undefined && isTrainingDict(inner) && holdsOptimizer(inner)
}

/** Keys under which some programs keep the whole training dict (Composer's `state`). */
const WRAPPERS: ReadonlySet<string> = new Set(['state', 'checkpoint', 'ckpt', 'trainer_state', 'training_state'])

function holdsOptimizer(entries: ReadonlyMap<PyValue, PyValue>): boolean {
  return [...entries.values()].some((value) => {
    const first = mappingOf(value)?.values().next().value ?? sequenceOf(value)?.[0]
    return byContents(value) === 'optimizer' || byContents(first) === 'optimizer'
  })
}

/** What the keys of a dict give away, whatever it is called itself. */
function byContents(value: PyValue | undefined): ComponentId | undefined {
  const entries = mappingOf(value)
  if (!entries) return undefined
  if (mappingOf(entries.get('state')) && sequenceOf(entries.get('param_groups'))) return 'optimizer'
  if (entries.has('_last_lr') && (entries.has('last_epoch') || entries.has('_schedulers'))) return 'scheduler'
  if (entries.has('last_epoch') && entries.has('_step_count')) return 'scheduler'
  if (entries.has('growth_factor') && entries.has('backoff_factor')) return 'scaler'
  const generators = ['python', 'numpy', 'cpu', 'torch', 'random_state', 'numpy_random_seed', 'torch_manual_seed']
  if (entries.size <= 12 && generators.filter((key) => entries.has(key)).length >= 2) return 'rng'
  return undefined
}

function componentOf(key: string, value: PyValue, budget: { visits: number }): ComponentId {
  const shown = byContents(value) ?? byContents(sequenceOf(value)?.[0])
  if (shown) return shown
  const named = namedComponent(key)
  const tensor = torchTensorOf(value)
  if (tensor) return named === 'rng' ? 'rng' : numel(tensor.shape) > 1 ? 'weights' : 'trainer'
  if (named === 'rng' || named === 'config') return named
  if (!isContainer(value)) return 'trainer'
  return named ?? (holdsTensor(value, budget) ? 'weights' : 'trainer')
}

/** Values looked at in search of tensors, over all keys of one dict. */
const SEARCH_LIMIT = 2_000_000

function holdsTensor(root: PyValue, budget: { visits: number }): boolean {
  const seen = new Set<PyValue>()
  const stack: PyValue[] = [root]
  while (stack.length > 0 && budget.visits-- > 0) {
    const value = containerOf(stack.pop())
    if (!value || seen.has(value)) continue
    if (torchTensorOf(value)) return true
    seen.add(value)
    for (const part of partsOf(value)) if (containerOf(part)) stack.push(part)
  }
  return false
}

/** What a part of a training dict is the state of, by its name alone. */
export function namedComponent(key: string): ComponentId | undefined {
  const name = key.toLowerCase().replaceAll('-', '_')
  return KEYS.find(({ pattern }) => pattern.test(name))?.component
}

/** Keys of a training dict. Above are state dicts. */
const MOST_PARTS = 1000

/**
 * A dict of a training run has parts: dicts, lists or objects. A state dict has tensors, and hardly anything beside them;
 * a model kept as nested modules has parts too, but none with the name or the contents of a part of a run.
 */
function isTrainingDict(entries: ReadonlyMap<PyValue, PyValue>): boolean {
  if (entries.size > MOST_PARTS) return false
  let tensors = 0
  let containers = 0
  let parts = 0
  let plain = 0
  for (const [key, value] of entries) {
    if (torchTensorOf(value)) tensors++
    else if (isContainer(value)) {
      containers++
      if (byContents(value) ?? byContents(sequenceOf(value)?.[0]) ?? namedComponent(String(key))) parts++
    } else plain++
  }
  if (tensors > containers) return false
  return parts > 0 || plain > 0
}

function isContainer(value: PyValue): boolean {
  if (value === null || typeof value !== 'object' || value instanceof PyFloat || value instanceof PyBytes) return false
  return mappingOf(value) !== undefined || sequenceOf(value) !== undefined || value instanceof PyObject
}
