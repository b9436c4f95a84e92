import { describe, expect, it } from 'vitest'
import { decodePickle } from '../../../src/core/decode/pickle/machine'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type PyValue,
} from '../../../src/core/decode/pickle/value'
import { encodePickle } from '../../../src/core/write/pickle'
import { pickles } from '../decode/pickle/streams'

function again(value: PyValue): PyValue {
  const { value: read, error, protocol } = decodePickle(encodePickle(value))
  if (error) throw error
  expect(protocol).toBe(2)
  return read as PyValue
}

describe('what torch wrote', async () => {
  // Python stores one text twice where it has two objects of it; these files have none of those.
  const same =
    /^(torch-zoo-(dtypes|views|tied|parameters|quantized|sparse|bloat|ema|model-and-ema|module|empty)|sharded-)/
  const files = (await pickles('torch-zoo')).filter(({ name }) => same.test(name) && !/legacy|protocol/.test(name))

  it('is there', () => expect(files.length).toBeGreaterThan(9))

  it.each(files)('$name comes out byte for byte', ({ bytes }) => {
    expect(Buffer.compare(encodePickle(decodePickle(bytes).value as PyValue), bytes)).toBe(0)
  })
})

it('writes every golden pickle so that it reads the same', async () => {
  for (const { name, bytes } of await pickles()) {
    const { value } = decodePickle(bytes)
    if (value === undefined) continue
    const written = encodePickle(value)
    expect(decodePickle(written).error, name).toBeUndefined()
    expect(Buffer.compare(encodePickle(decodePickle(written).value as PyValue), written), name).toBe(0)
  }
})

describe('values', () => {
  it.each<[string, PyValue]>([
    ['nothing', null],
    ['booleans', new PyTuple([true, false])],
    [
      'ints of every width',
      new PyTuple([0, 255, 256, 65535, 65536, -1, 2 ** 31 - 1, 2 ** 31, -(2 ** 31), -(2 ** 31) - 1]),
    ],
    ['ints beyond 2^53', new PyTuple([2n ** 63n, -(2n ** 63n), 2n ** 64n - 1n, -(2n ** 4000n), 127n * 2n ** 200n])],
    ['floats', new PyTuple([new PyFloat(1), new PyFloat(-0), new PyFloat(Number.NaN), new PyFloat(-Infinity)])],
    ['texts', new PyTuple(['', 'é層😀', 'a\ud800b', 'x'.repeat(70_000)])],
    ['tuples of every length', new PyTuple([0, 1, 2, 3, 4, 5].map((n) => new PyTuple(new Array(n).fill(n))))],
    ['long lists', new PyList(Array.from({ length: 2001 }, (_, i) => i))],
    ['lists of one', new PyList([null])],
  ])('%s come back', (_, value) => expect(again(value)).toEqual(value))

  it('dicts keep their order and their keys of any type', () => {
    const dict = new PyDict()
    for (let i = 0; i < 1001; i++) dict.entries.set(1000 - i, String(i))
    dict.entries.set(new PyTuple([1, 'a']), null)
    expect([...(again(dict) as PyDict).entries]).toEqual([...dict.entries])
  })

  it('bytes and sets take the detours of protocol 2', () => {
    const bytes = Uint8Array.from([0, 128, 255])
    expect(again(new PyBytes(bytes))).toMatchObject({
      callable: { module: '_codecs', name: 'encode' },
      args: { items: ['\0\x80\xff', 'latin1'] },
    })
    expect(again(new PyBytes(bytes, true))).toMatchObject({ callable: { name: 'bytearray' } })
    expect(again(new PySet([1, 2], true))).toMatchObject({
      callable: { name: 'frozenset' },
      args: { items: [{ items: [1, 2] }] },
    })
  })

  it('objects keep how they are made and all that is done to them', () => {
    for (const how of ['reduce', 'newobj', 'obj'] as const) {
      const object = new PyObject(new PyGlobal('m', 'C'), new PyTuple([1]), how)
      object.items.push(1, 2)
      object.entries.set('k', 'v')
      object.state = new PyList([])
      expect(again(object)).toEqual(object)
    }
    const keyed = new PyObject(new PyGlobal('m', 'C'), new PyTuple([]), 'newobj-ex', new PyDict())
    expect(decodePickle(encodePickle(keyed)).value).toEqual(keyed)
  })

  it('persistent ids and globals are written as torch does', () => {
    const id = new PyTuple(['storage', new PyGlobal('torch', 'FloatStorage'), '0', 'cpu', 4])
    expect(again(new PyPersistent(id))).toEqual(new PyPersistent(id))
    const nested = again(new PyGlobal('m', 'Outer.Inner'))
    expect(nested).toMatchObject({ callable: { name: 'getattr' }, args: { items: [{ name: 'Outer' }, 'Inner'] } })
  })
})

describe('references', () => {
  it('shared things stay one', () => {
    const list = new PyList([1])
    const { items } = again(new PyTuple([list, list, new PyTuple(['a', 'a'])])) as PyTuple
    expect(items[0]).toBe(items[1])
  })

  it('cycles through lists, dicts, objects and tuples are kept', () => {
    const list = new PyList([])
    const tuple = new PyTuple([list])
    list.items.push(tuple)
    const outer = again(tuple) as PyTuple
    expect((outer.items[0] as PyList).items[0]).toBe(outer)

    const object = new PyObject(new PyGlobal('m', 'C'), new PyTuple([]), 'newobj')
    const state = new PyDict()
    state.entries.set('self', object)
    object.state = state
    const read = again(object) as PyObject
    expect((read.state as PyDict).entries.get('self')).toBe(read)
  })

  it('nests as deep as there is memory', () => {
    let deep: PyValue = null
    for (let i = 0; i < 100_000; i++) deep = new PyList([deep])
    expect(encodePickle(deep).length).toBeGreaterThan(100_000)
  })

  it('refuses what cannot be made', () => {
    const set = new PySet([])
    set.items.push(set)
    expect(() => encodePickle(set)).toThrow(/needed to make itself/)
    expect(() => encodePickle(new PyGlobal('os\nsystem', 'x'))).toThrow(/line break/)
    expect(() => encodePickle(new PyTuple([1.5]))).toThrow(/where an int belongs/)
  })
})
