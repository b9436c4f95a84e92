import { describe, expect, it } from 'vitest'
import { memorySource } from '../../../src/core/bytes/source'
import type { StateFile } from '../../../src/core/checkpoint/checkpoint'
import type { Tensor } from '../../../src/core/checkpoint/tensor'
import { findTensors } from '../../../src/core/decode/pickle/torch'
import {
  mappingOf,
  PyDict,
  PyGlobal,
  PyList,
  PyObject,
  PyTuple,
  type PyValue,
} from '../../../src/core/decode/pickle/value'
import type { PlannedTensor } from '../../../src/core/repair/changes'
import { editPickle, storageKeys } from '../../../src/core/repair/torch-edit'
import { tensorValue } from '../../../src/core/write/torch-zip'

const source = memorySource('data/0', new Uint8Array(64))

function dict(entries: Record<string, PyValue>): PyDict {
  const made = new PyDict()
  for (const [key, value] of Object.entries(entries)) made.entries.set(key, value)
  return made
}

/** A file whose tensors are those of `root`, under the names of their paths. */
function fileOf(root: PyValue): StateFile {
  const tensors = findTensors(root).map(({ path, tensor: { dtype, shape, strides, storage } }): Tensor => {
    const block = { source, offset: 0, strides, start: shape.map(() => 0), shape }
    const at = { key: storage.key, byteLength: 64 }
    return { name: path, dtype, shape, file: 'm.pt', component: 'weights', blocks: [block], storage: at }
  })
  return { path: 'm.pt', size: 64, kind: 'torch-zip', tensors, globals: [], findings: [] }
}

/** The plan that changes the named tensors and leaves the others as they are. */
function plan(file: StateFile, changes: Record<string, Partial<PlannedTensor>>): PlannedTensor[] {
  return file.tensors.map((was) => {
    const { name, dtype, shape } = was
    return { name, dtype, shape, values: was, was, ...changes[name] }
  })
}

function shapes(root: PyValue): [string, readonly number[], readonly number[], string][] {
  return findTensors(root).map(({ path, tensor }) => [path, tensor.shape, tensor.strides, tensor.storage.key])
}

const parameter = (tensor: PyValue) =>
  new PyObject(
    new PyGlobal('torch._utils', '_rebuild_parameter'),
    new PyTuple([tensor, true, new PyTuple([])]),
    'reduce',
  )

describe('editing the pickle of a torch file', () => {
  it('leaves None in a list where a tensor is lost, and the others at their places', () => {
    const list = new PyList([0, 1, 2].map((i) => tensorValue('float32', [2], String(i))))
    const root = dict({ masters: list })
    const file = fileOf(root)
    editPickle(
      root,
      file,
      plan(file, {}).filter(({ name }) => name !== 'masters.1'),
    )
    expect(list.items[1]).toBeNull()
    expect(shapes(root).map(([name]) => name)).toEqual(['masters.0', 'masters.2'])
  })

  it('reshapes a view over the storage it has, in a dict, a list or a parameter', () => {
    const root = dict({
      w: tensorValue('float32', [6], '0'),
      list: new PyList([tensorValue('float32', [6], '1')]),
      p: parameter(tensorValue('float32', [6], '2')),
    })
    const file = fileOf(root)
    const added = editPickle(
      root,
      file,
      plan(file, { w: { shape: [2, 3] }, 'list.0': { shape: [3, 2] }, p: { shape: [6, 1] } }),
    )
    expect(added).toEqual([])
    expect(shapes(root)).toEqual([
      ['w', [2, 3], [3, 1], '0'],
      ['list.0', [3, 2], [2, 1], '1'],
      ['p', [6, 1], [1, 1], '2'],
    ])
    expect(findTensors(root)[2]?.tensor.requiresGrad).toBe(true)
  })

  it('gives other values a storage of their own, under a key that is free', () => {
    const root = dict({ a: tensorValue('float32', [0], '0'), b: tensorValue('float32', [2], '1') })
    const file = fileOf(root)
    const values = { ...(file.tensors[1] as Tensor), name: 'from elsewhere' }
    const added = editPickle(root, file, plan(file, { a: { shape: [2], values } }))
    expect(added.map(({ key, values: { shape } }) => [key, shape])).toEqual([['2', [2]]])
    expect([...storageKeys(root)]).toEqual(['2', '1'])
  })

  it('renames keys where they stand, and the modules in _metadata with them', () => {
    const root = new PyObject(new PyGlobal('collections', 'OrderedDict'), new PyTuple([]), 'reduce')
    for (const key of ['_orig_mod.fc.weight', '_orig_mod.fc.bias'])
      root.entries.set(key, tensorValue('float32', [2], '0'))
    const version = dict({ version: 1 })
    root.state = dict({ _metadata: dict({ '': version, _orig_mod: version, '_orig_mod.fc': version }) })
    const file = fileOf(root)
    const names = Object.fromEntries(file.tensors.map(({ name }) => [name, { name: name.replace('_orig_mod.', '') }]))
    editPickle(root, file, plan(file, names))
    expect([...root.entries.keys()]).toEqual(['fc.weight', 'fc.bias'])
    expect([...(mappingOf(mappingOf(root.state)?.get('_metadata')) ?? []).keys()]).toEqual(['', 'fc'])
  })

  it('renames inside the dict of a training dict, and adds beside it', () => {
    const model = dict({ 'module.w': tensorValue('float32', [2], '0') })
    const root = dict({ model, step: 3 })
    const file = fileOf(root)
    const [tensor] = file.tensors
    const planned = plan(file, { 'model.module.w': { name: 'model.w' } })
    editPickle(root, file, [...planned, { name: 'model.b', dtype: 'float32', shape: [2], values: tensor as Tensor }])
    expect([...model.entries.keys()]).toEqual(['w', 'b'])
    expect([...root.entries.keys()]).toEqual(['model', 'step'])
  })

  it('keeps two tensors that are one value one value', () => {
    const shared = tensorValue('float32', [6], '0')
    const root = dict({ a: shared, b: shared })
    const file = fileOf(root)
    editPickle(root, file, plan(file, { a: { shape: [2, 3] }, b: { shape: [2, 3] } }))
    expect(root.entries.get('a')).toBe(root.entries.get('b'))
    expect(shapes(root).map(([, shape]) => shape)).toEqual([
      [2, 3],
      [2, 3],
    ])
  })

  it('changes only one of two tensors that are one value, when only one is to change', () => {
    const shared = tensorValue('float32', [6], '0')
    const root = dict({ a: shared, b: shared })
    const file = fileOf(root)
    editPickle(root, file, plan(file, { b: { shape: [2, 3] } }))
    expect(shapes(root).map(([, shape, , key]) => [shape, key])).toEqual([
      [[6], '0'],
      [[2, 3], '0'],
    ])
  })

  it('refuses what it cannot exchange, and a pickle of other tensors', () => {
    const root = dict({ pair: new PyTuple([tensorValue('float32', [6], '0')]) })
    const file = fileOf(root)
    expect(() => editPickle(root, file, plan(file, { 'pair.0': { shape: [2, 3] } }))).toThrowError(
      expect.objectContaining({ code: 'target/not-rewritable' }),
    )
    const other = dict({ pair: tensorValue('float32', [5], '0') })
    expect(() => editPickle(other, file, plan(file, {}))).toThrowError(
      expect.objectContaining({ code: 'file/changed' }),
    )
  })
})
