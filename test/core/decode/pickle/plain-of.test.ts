import { describe, expect, it } from 'vitest'
import { decodePickle } from '../../../../src/core/decode/pickle/machine'
import { plainOf } from '../../../../src/core/decode/pickle/plain-of'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyTuple,
  type PyValue,
} from '../../../../src/core/decode/pickle/value'
import type { Plain } from '../../../../src/core/decode/plain'
import { pickles } from './streams'

function call(path: string, ...args: PyValue[]): PyObject {
  const dot = path.lastIndexOf('.')
  return new PyObject(new PyGlobal(path.slice(0, dot), path.slice(dot + 1)), new PyTuple(args), 'reduce')
}

function bytes(...values: number[]): PyBytes {
  return new PyBytes(Uint8Array.from(values))
}

function dtype(code: string, order = '<'): PyObject {
  const value = call('numpy.dtype', code, false, true)
  value.state = new PyTuple([3, order, null])
  return value
}

describe('values become', () => {
  const array = call('numpy._core.multiarray._reconstruct', new PyGlobal('numpy', 'ndarray'), new PyTuple([0]))
  array.state = new PyTuple([1, new PyTuple([624]), dtype('u4'), false, bytes()])
  it.each<[string, PyValue, Plain]>([
    ['numbers', new PyList([1, new PyFloat(1.5), 2n ** 70n, new PyFloat(Number.NaN)]), [1, 1.5, 2n ** 70n, Number.NaN]],
    ['a Size a list', call('torch.Size', new PyTuple([2, 3])), [2, 3]],
    ['a device a text', call('torch.device', 'cuda', 1), 'cuda:1'],
    ['a dtype its name', new PyGlobal('torch', 'float16'), 'torch.float16'],
    ['bytes their length', bytes(1, 2, 3), 'bytes [3]'],
    [
      'a NumPy scalar a number',
      call('numpy.core.multiarray.scalar', dtype('f8'), bytes(0, 0, 0, 0, 0, 0, 0xf8, 0x3f)),
      1.5,
    ],
    ['one of 16 bits', call('numpy.core.multiarray.scalar', dtype('f2'), bytes(0x66, 0xae)), -0.0999755859375],
    [
      'a text of NumPy',
      call('numpy.core.multiarray.scalar', dtype('U3'), bytes(104, 0, 0, 0, 0x0d, 0x54, 0, 0, 0, 0, 0, 0)),
      'h名',
    ],
    ['a big-endian one too', call('numpy.core.multiarray.scalar', dtype('i2', '>'), bytes(1, 2)), 258],
    ['an array its shape', array, 'ndarray uint32 [624]'],
    ['a path a text', call('pathlib.PosixPath', '/', 'home', 'me'), '/home/me'],
    ['a Windows path too', call('pathlib.WindowsPath', 'C:\\', 'runs'), 'C:\\runs'],
    ['a member of an enumeration its value', call('transformers.trainer_utils.SchedulerType', 'cosine'), 'cosine'],
    ['a set a list', call('__builtin__.set', new PyList([1])), [1]],
    ['a date a text', call('datetime.datetime', bytes(7, 0xe9, 2, 28, 13, 5, 9, 0, 0, 0)), '2025-02-28 13:05:09'],
  ])('%s', (_, value, expected) => expect(plainOf(value)).toEqual(expected))
})

describe('objects', () => {
  it('give their fields under their class', () => {
    const value = call('mylib.Config')
    value.state = new PyTuple([null, dictOf({ lr: new PyFloat(0.1) })])
    expect(plainOf(value)).toEqual({ '<mylib.Config>': { lr: 0.1 } })
  })

  it('that are mappings give their entries', () => {
    const value = call('collections.defaultdict', new PyGlobal('builtins', 'list'))
    value.entries.set(3, 'x')
    expect(plainOf(value)).toEqual({ 3: 'x' })
    expect(plainOf(call('collections.OrderedDict'))).toEqual({})
    expect(plainOf(call('collections.Counter', dictOf({ a: 1 })))).toEqual({ a: 1 })
  })

  it('of OmegaConf and argparse unwrap', async () => {
    const records = await pickles('dictconfig')
    const roots = records.map(({ bytes }) => plainOf(decodePickle(bytes).value ?? null))
    expect(records.map(({ name }) => name.split('/')[0])).toEqual(['dictconfig', 'dictconfig-namespace'])
    for (const root of roots) {
      const text = JSON.stringify(root)
      expect(text).not.toMatch(/omegaconf|argparse|"_(content|val|parent)"/)
      expect(text).toMatch(/tensor float32 \[/)
    }
  })
})

describe('limits', () => {
  it('end cycles', () => {
    const list = new PyList([1])
    list.items.push(list)
    expect(plainOf(list)).toEqual([1, '(refers to itself)'])
  })

  it('end depth and number', () => {
    let deep: PyValue = 1
    for (let i = 0; i < 1500; i++) deep = new PyTuple([deep])
    expect(JSON.stringify(plainOf(deep)).length).toBeLessThan(200)
    let wide: PyValue = 1
    for (let i = 0; i < 40; i++) wide = new PyTuple([wide, wide])
    expect(JSON.stringify(plainOf(wide, { values: 1000 })).length).toBeLessThan(10_000)
  })

  it('keep keys that JavaScript would take for its own', () => {
    const plain = plainOf(dictOf({ ['__proto__']: 1, constructor: 2 })) as Record<string, Plain>
    expect(Object.entries(plain)).toEqual([
      ['__proto__', 1],
      ['constructor', 2],
    ])
  })
})

function dictOf(entries: Record<string, PyValue>): PyDict {
  const value = new PyDict()
  for (const [key, item] of Object.entries(entries)) value.entries.set(key, item)
  return value
}
