import { describe, expect, it } from 'vitest'
import { sectionsIn } from '../../../src/core/checkpoint/sections'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyTuple,
  type PyValue,
} from '../../../src/core/decode/pickle/value'

const dict = (entries: Record<string, PyValue>): PyDict => {
  const made = new PyDict()
  for (const [key, value] of Object.entries(entries)) made.entries.set(key, value)
  return made
}
const list = (...items: PyValue[]) => new PyList(items)
const tensor = (...shape: number[]): PyObject => {
  const count = shape.reduce((n, d) => n * d, 1)
  const storage = new PyPersistent(new PyTuple(['storage', new PyGlobal('torch', 'FloatStorage'), '0', 'cpu', count]))
  const strides = shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1))
  const args = new PyTuple([storage, 0, new PyTuple(shape), new PyTuple(strides), false, dict({})])
  return new PyObject(new PyGlobal('torch._utils', '_rebuild_tensor_v2'), args, 'reduce')
}
const stateDict = () => dict({ 'fc.weight': tensor(4, 4), 'fc.bias': tensor(4) })
const adam = () => dict({ state: dict({}), param_groups: list(dict({ lr: new PyFloat(0.1), params: list(0) })) })
const cosine = () => dict({ T_max: 10, last_epoch: 3, _step_count: 4, _last_lr: list(new PyFloat(0.1)) })

const array = (count: number): PyObject => {
  const float64 = new PyObject(new PyGlobal('numpy', 'dtype'), new PyTuple(['f8', false, true]), 'reduce')
  const args = new PyTuple([new PyBytes(new Uint8Array(8 * count)), float64, new PyTuple([count]), 'C'])
  return new PyObject(new PyGlobal('numpy.core.numeric', '_frombuffer'), args, 'reduce')
}
const whole = (module: string, name: string, fields: Record<string, PyValue>): PyObject => {
  const made = new PyObject(new PyGlobal(module, name), new PyTuple([]), 'reduce')
  made.state = dict(fields)
  return made
}

const parts = (value: PyValue) =>
  Object.fromEntries(sectionsIn(value, 'weights').map((s) => [s.key ?? '', s.component]))

describe('what a pickled dict holds is told by its contents', () => {
  it.each<[string, PyValue, string]>([
    ['a state dict', stateDict(), 'weights'],
    ['an optimizer', adam(), 'optimizer'],
    ['a scheduler', cosine(), 'scheduler'],
    ['a chain of schedulers', dict({ _schedulers: list(cosine()), _last_lr: list() }), 'scheduler'],
    ['a grad scaler', dict({ scale: new PyFloat(65536), growth_factor: 2, backoff_factor: 0.5 }), 'scaler'],
    ['random states', dict({ python: new PyTuple([3]), numpy: new PyTuple(['MT19937']), cpu: tensor(5056) }), 'rng'],
    ['a bare tensor', tensor(3), 'weights'],
    ['nested modules', dict({ encoder: stateDict(), decoder: stateDict() }), 'weights'],
    [
      'a state dict with extra state',
      dict({ 'a.weight': tensor(2), 'a._extra_state': null, 'b.weight': tensor(2) }),
      'weights',
    ],
    ['an empty dict', dict({}), 'weights'],
    ['a list of tensors', list(tensor(3), tensor(4)), 'weights'],
    ['a sample and its class', new PyTuple([tensor(3), 7]), 'weights'],
    ['a list of state dicts', list(stateDict(), stateDict()), 'weights'],
    ['a list of numbers', list(1, 2, 3), 'weights'],
    [
      'a whole optimizer',
      whole('torch.optim.adamw', 'AdamW', { state: dict({}), param_groups: list(dict({ params: list(tensor(2)) })) }),
      'optimizer',
    ],
    ['a whole scheduler', whole('torch.optim.lr_scheduler', 'StepLR', { last_epoch: 1, _step_count: 2 }), 'scheduler'],
    [
      'a sampler with its data',
      whole('accelerate.data_loader', 'SeedableRandomSampler', { data_source: tensor(16, 4), epoch: 1 }),
      'sampler',
    ],
  ])('%s', (_, value, component) => {
    expect(parts(value)).toEqual({ '': component })
  })
})

it('looks into a training dict that is all there is under the key of a wrapper', () => {
  const run = dict({ model: stateDict(), optimizer: adam(), scheduler: cosine() })
  expect(parts(dict({ state: run }))).toEqual({
    'state.model': 'weights',
    'state.optimizer': 'optimizer',
    'state.scheduler': 'scheduler',
  })
  expect(parts(dict({ state: stateDict() }))).toEqual({ '': 'weights' })
})

describe('NumPy arrays', () => {
  it('are the model where no tensor is', () => {
    expect(parts(dict({ w: array(6), b: list(array(2), array(2)), lr: new PyFloat(0.1), one: array(1) }))).toEqual({
      w: 'weights',
      b: 'weights',
      lr: 'trainer',
      one: 'trainer',
    })
  })

  it('are records of the run beside tensors, and where their name says so', () => {
    expect(parts(dict({ model: stateDict(), losses: array(6), epoch: 1 }))).toMatchObject({ losses: 'trainer' })
    expect(parts(dict({ history: array(6), epoch: 1 }))).toMatchObject({ history: 'trainer' })
    expect(parts(dict({ numpy_state: new PyTuple(['MT19937', array(624)]), epoch: 1 }))).not.toContain('weights')
  })
})

describe('a list or tuple is split by what its items hold', () => {
  it.each<[string, PyValue, Record<string, string>]>([
    [
      'a state dict, an optimizer, an epoch',
      list(stateDict(), adam(), 7),
      { 0: 'weights', 1: 'optimizer', 2: 'trainer' },
    ],
    ['two of them in a tuple', new PyTuple([stateDict(), adam()]), { 0: 'weights', 1: 'optimizer' }],
    ['weights and a step', new PyTuple([stateDict(), 7]), { 0: 'weights', 1: 'trainer' }],
    ['optimizers alone', list(adam(), adam()), { 0: 'optimizer', 1: 'optimizer' }],
    [
      'a training dict and its settings',
      list(dict({ model: stateDict(), optimizer: adam() }), dict({ lr: new PyFloat(0.1) })),
      { '0.model': 'weights', '0.optimizer': 'optimizer', 1: 'trainer' },
    ],
  ])('%s', (_, value, sections) => {
    expect(parts(value)).toEqual(sections)
  })
})

describe('a training dict is split by its keys', () => {
  it('of nanoGPT', () => {
    const value = dict({
      model: stateDict(),
      optimizer: adam(),
      model_args: dict({ n_layer: 2 }),
      iter_num: 100,
      best_val_loss: tensor(),
      config: dict({ learning_rate: new PyFloat(0.1) }),
    })
    expect(parts(value)).toEqual({
      model: 'weights',
      optimizer: 'optimizer',
      model_args: 'config',
      iter_num: 'trainer',
      best_val_loss: 'trainer',
      config: 'config',
    })
  })

  it('of Lightning', () => {
    const value = dict({
      epoch: 1,
      global_step: 10,
      'pytorch-lightning_version': '2.6',
      state_dict: stateDict(),
      loops: dict({ fit_loop: dict({}) }),
      callbacks: dict({ ModelCheckpoint: dict({ best_model_score: tensor() }) }),
      optimizer_states: list(adam()),
      lr_schedulers: list(cosine()),
      hyper_parameters: dict({}),
      MixedPrecision: dict({}),
    })
    expect(parts(value)).toMatchObject({
      state_dict: 'weights',
      callbacks: 'trainer',
      loops: 'trainer',
      optimizer_states: 'optimizer',
      lr_schedulers: 'scheduler',
      hyper_parameters: 'config',
      MixedPrecision: 'scaler',
      epoch: 'trainer',
    })
  })

  it('with random states under keys of their own', () => {
    const value = dict({ net: stateDict(), torch_rng_state: tensor(5056), cuda_rng_state: null, rng_states: dict({}) })
    expect(parts(value)).toEqual({ net: 'weights', torch_rng_state: 'rng', cuda_rng_state: 'rng', rng_states: 'rng' })
  })

  it('with models under names nobody knows', () => {
    const value = dict({ step: 3, netG: stateDict(), critic: stateDict(), opt_g: adam() })
    expect(parts(value)).toEqual({ step: 'trainer', netG: 'weights', critic: 'weights', opt_g: 'optimizer' })
  })

  it('with an empty model, which still is the model', () => {
    expect(parts(dict({ model: dict({}), optimizer: adam(), epoch: 1 })).model).toBe('weights')
  })

  it('follows no cycle for ever', () => {
    const value = dict({ epoch: 1 })
    value.entries.set('self', value)
    expect(parts(value)).toEqual({ epoch: 'trainer', self: 'trainer' })
  })

  it('only where a training dict may be: a random state is one', () => {
    const value = dict({ model: stateDict(), epoch: 1 })
    expect(sectionsIn(value, 'custom')).toEqual([{ component: 'custom', value }])
  })
})
