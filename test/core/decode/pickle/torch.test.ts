import { describe, expect, it } from 'vitest'
import { decodePickle } from '../../../../src/core/decode/pickle/machine'
import { outlineAt } from '../../../../src/core/decode/pickle/outline'
import { findTensors, torchTensorOf } from '../../../../src/core/decode/pickle/torch'
import {
  PyBytes,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PyTuple,
  type PyValue,
} from '../../../../src/core/decode/pickle/value'
import { casesLike, truthOf } from '../../../golden/cases'
import { pickles } from './streams'

const hooks = new PyObject(new PyGlobal('collections', 'OrderedDict'), new PyTuple([]), 'reduce')

function storage(type = 'FloatStorage', numel: PyValue = 24, ...more: PyValue[]): PyPersistent {
  return new PyPersistent(new PyTuple(['storage', new PyGlobal('torch', type), '0', 'cpu', numel, ...more]))
}

function rebuild(name: string, ...args: PyValue[]): PyObject {
  return new PyObject(new PyGlobal('torch._utils', name), new PyTuple(args), 'reduce')
}

function tensor(shape: PyValue[] = [2, 3], strides: PyValue[] = [3, 1], offset: PyValue = 0): PyObject {
  return rebuild('_rebuild_tensor_v2', storage(), offset, new PyTuple(shape), new PyTuple(strides), false, hooks)
}

function dict(entries: Record<string, PyValue>): PyDict {
  const value = new PyDict()
  for (const [key, item] of Object.entries(entries)) value.entries.set(key, item)
  return value
}

const paths = (value: PyValue) => findTensors(value).map(({ path }) => path)

describe('a file that torch wrote', async () => {
  const streams = (await pickles('torch-zoo')).filter(({ name }) => name.endsWith('/data.pkl'))
  // Other containers than the zip of torch.save, arrays, and the parts of a list are read with their files.
  const others = /legacy|empty|numpy|plain-pickle|stream|traced|export|package|archive|tar$|list$/
  const cases = casesLike('torch-zoo').filter((name) => !others.test(name))

  it.each(cases)('%s lists the tensors of truth in order', (name) => {
    const stream = streams.find((candidate) => candidate.name.startsWith(`${name}/`))
    const { value, error } = decodePickle(stream?.bytes ?? new Uint8Array(0))
    expect(error).toBeUndefined()
    const found = findTensors(value ?? null)
    // The scripted module keeps its flags beside its tensors; truth lists up to 40.
    const rows = found.map(({ path, tensor: { dtype, shape } }) => ({ name: path, dtype, shape }))
    const truth = truthOf(name).tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape }))
    expect(rows.slice(0, truth.length).sort(byName)).toEqual(truth.sort(byName))
  })

  it('are named as Python writes their keys, each apart from the others', () => {
    const keys: PyValue[] = [
      new PyBytes(Uint8Array.of(119, 0, 39)),
      new PyTuple(['a', 0]),
      new PyTuple(['a']),
      7,
      new PyList([]),
    ]
    const value = new PyDict()
    for (const key of keys) value.entries.set(key, tensor())
    expect(paths(value)).toEqual(["b'w\\x00\\x27'", "('a', 0)", "('a',)", '7', '4'])
  })

  it('finds nothing in an empty state dict', () => {
    const stream = streams.find(({ name }) => name.startsWith('torch-zoo-empty/'))
    expect(paths(decodePickle(stream?.bytes as Uint8Array).value as PyValue)).toEqual([])
  })
})

describe('torchTensorOf', () => {
  it('reads a view of a storage', () => {
    expect(torchTensorOf(tensor([2, 3], [1, 2], 5))).toEqual({
      dtype: 'float32',
      shape: [2, 3],
      strides: [1, 2],
      offset: 5,
      storage: { key: '0', dtype: 'float32', numel: 24, byteLength: 96, location: 'cpu' },
      requiresGrad: false,
      hasData: true,
    })
  })

  it('takes the dtype of an untyped storage from the tensor', () => {
    const args = [storage('UntypedStorage', 8), 0, new PyTuple([8]), new PyTuple([1]), false, hooks]
    const typed = rebuild('_rebuild_tensor_v3', ...args, new PyGlobal('torch', 'float8_e5m2'))
    expect(torchTensorOf(typed)).toMatchObject({ dtype: 'float8_e5m2', storage: { dtype: 'bytes', byteLength: 8 } })
    expect(torchTensorOf(rebuild('_rebuild_tensor_v2', ...args))).toBeUndefined()
  })

  it('unwraps parameters and subclasses', () => {
    expect(torchTensorOf(rebuild('_rebuild_parameter', tensor(), true, hooks))).toMatchObject({ requiresGrad: true })
    const inner = tensor()
    const wrapped = new PyObject(
      new PyGlobal('torch._tensor', '_rebuild_from_type_v2'),
      new PyTuple([inner.callable, new PyGlobal('m', 'MyTensor'), inner.args, new PyDict()]),
      'reduce',
    )
    expect(torchTensorOf(wrapped)).toEqual(torchTensorOf(inner))
    expect(torchTensorOf(rebuild('_rebuild_parameter', wrapped, false, hooks))).toMatchObject({ shape: [2, 3] })
  })

  it('knows tensors without data', () => {
    const meta = rebuild(
      '_rebuild_meta_tensor_no_storage',
      new PyGlobal('torch', 'bfloat16'),
      new PyTuple([4]),
      new PyTuple([1]),
      true,
    )
    expect(torchTensorOf(meta)).toMatchObject({ dtype: 'bfloat16', shape: [4], hasData: false, requiresGrad: true })
  })

  it('adds the offset of a legacy view of a storage', () => {
    const view = storage('FloatStorage', 24, new PyTuple(['1', 10, 6]))
    const args = [view, 2, new PyTuple([3]), new PyTuple([1]), false, hooks]
    expect(torchTensorOf(rebuild('_rebuild_tensor_v2', ...args))).toMatchObject({ offset: 12 })
  })

  it.each<[string, PyValue]>([
    ['a negative size', tensor([-1, 3])],
    ['a size beyond counting', tensor([2n ** 60n, 3])],
    ['sizes whose product is', tensor([2 ** 32, 2 ** 32], [0, 0])],
    ['strides that reach beyond counting', tensor([2, 3], [2 ** 52, 1])],
    ['a negative stride', tensor([2, 3], [-3, 1])],
    ['a missing stride', tensor([2, 3], [1])],
    ['a negative offset', tensor([2, 3], [3, 1], -1)],
    [
      'a storage of no known type',
      rebuild('_rebuild_tensor', storage('OddStorage'), 0, new PyTuple([]), new PyTuple([])),
    ],
    ['no storage at all', rebuild('_rebuild_tensor', null, 0, new PyTuple([]), new PyTuple([]))],
    [
      'a subclass of itself',
      new PyObject(new PyGlobal('torch._tensor', '_rebuild_from_type_v2'), new PyTuple([]), 'reduce'),
    ],
  ])('refuses %s', (_, value) => expect(torchTensorOf(value)).toBeUndefined())
})

describe('a tensor of which this process keeps a piece', () => {
  const wrapper = (size: PyValue[]) => {
    const args = [null, new PyGlobal('torch', 'float32'), new PyTuple(size), new PyTuple([3, 1]), 0, null, null, true]
    const slots = dict({ _local_tensor: tensor([2, 3]), _spec: null })
    const made = [rebuild('_rebuild_wrapper_subclass').callable, null, new PyTuple(args), new PyTuple([null, slots])]
    return new PyObject(new PyGlobal('torch._tensor', '_rebuild_from_type_v2'), new PyTuple(made), 'reduce')
  }

  it('tells the shape of the whole of a DTensor', () => {
    const piece = torchTensorOf(wrapper([8, 3]))
    expect(piece).toMatchObject({ shape: [2, 3], whole: { shape: [8, 3] }, requiresGrad: true })
    expect(paths(dict({ w: wrapper([8, 3]) }))).toEqual(['w'])
  })

  it('is no piece where the process keeps all', () => {
    expect(torchTensorOf(wrapper([2, 3]))?.whole).toBeUndefined()
  })

  it('tells where the shard of a ShardedTensor begins', () => {
    const made = (state: PyValue) => {
      const object = new PyObject(new PyGlobal('m', 'X'), new PyTuple([]), 'newobj')
      object.state = state
      return object
    }
    const shard = made(dict({ tensor: tensor(), metadata: made(dict({ shard_offsets: new PyList([4, 0]) })) }))
    const whole = made(dict({ size: new PyTuple([8, 3]) }))
    const sharded = new PyObject(
      new PyGlobal('torch.distributed._shard.sharded_tensor.api', 'ShardedTensor'),
      new PyTuple([]),
      'newobj',
    )
    sharded.state = new PyTuple([new PyList([shard]), whole, null, null, null])
    expect(torchTensorOf(sharded)).toMatchObject({ shape: [2, 3], whole: { shape: [8, 3], start: [4, 0] } })
  })
})

describe('findTensors', () => {
  it('joins keys by dots and counts lists', () => {
    const value = dict({ model: dict({ 'a.weight': tensor() }), steps: new PyList([1, dict({ x: tensor() })]), lr: 1 })
    expect(paths(value)).toEqual(['model.a.weight', 'steps.1.x'])
    expect(paths(tensor())).toEqual([''])
  })

  it('takes the empty text for a key as any other', () => {
    const value = dict({ '': dict({ x: tensor(), '': tensor() }), x: tensor(), model: dict({ '': tensor() }) })
    expect(paths(value)).toEqual(['.x', '.', 'x', 'model.'])
    expect(paths(dict({ '': tensor(), tensor: tensor() }))).toEqual(['', 'tensor'])
  })

  it('lists one tensor under each of its names, and a dict under each of its', () => {
    const one = tensor()
    const both = dict({ w: one, v: one })
    expect(paths(dict({ model: both, ema: both }))).toEqual(['model.w', 'model.v', 'ema.w', 'ema.v'])
  })

  it('reads an OrderedDict as Python 2 pickles it, with its pairs in a list', () => {
    const pairs = new PyList(['a.weight', 'a.bias'].map((key) => new PyList([key, tensor()])))
    const value = new PyObject(new PyGlobal('collections', 'OrderedDict'), new PyTuple([pairs]), 'reduce')
    expect(paths(value)).toEqual(['a.weight', 'a.bias'])
  })

  it('folds modules away', () => {
    const linear = new PyObject(new PyGlobal('torch.nn.modules.linear', 'Linear'), new PyTuple([]), 'newobj')
    linear.state = dict({ training: true, _parameters: dict({ weight: tensor() }), _modules: new PyDict() })
    const net = new PyObject(new PyGlobal('__main__', 'Net'), new PyTuple([]), 'newobj')
    net.state = dict({ _buffers: dict({ mask: tensor() }), _modules: dict({ fc: linear }) })
    expect(paths(dict({ model: net }))).toEqual(['model.mask', 'model.fc.weight'])
  })

  it('follows a cycle once', () => {
    const value = dict({ w: tensor() })
    value.entries.set('self', value)
    expect(paths(value)).toEqual(['w'])
  })

  it('gives up on a graph that would never end', () => {
    let node: PyValue = dict({ w: tensor() })
    for (let i = 0; i < 60; i++) node = new PyTuple([node, node])
    expect(findTensors(node).length).toBeLessThan(300_000)
  })
})

function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name < b.name ? -1 : 1
}

it('an object of more parts than a call takes arguments is walked like any other', () => {
  const lists = Array.from({ length: 200_000 }, () => new PyList([]))
  const crowd = new PyObject(new PyGlobal('collections', 'deque'), new PyTuple(lists), 'reduce')
  expect(findTensors(crowd)).toEqual([])
  for (const list of lists) crowd.items.push(list)
  expect(findTensors(crowd)).toEqual([])
  expect(outlineAt(crowd, [], 150_000, 1)?.children).toHaveLength(1)
})
