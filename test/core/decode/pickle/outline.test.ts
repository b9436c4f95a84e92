import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Checkpoint } from '../../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { outlineAt, refusalsIn } from '../../../../src/core/decode/pickle/outline'
import { PyDict, PyGlobal, PyList, PyObject, PyTuple, type PyValue } from '../../../../src/core/decode/pickle/value'

const golden = (path: string) => new URL(`../../../golden/${path}`, import.meta.url).pathname

/** Follows keys from the root. */
function open(root: PyValue, ...keys: string[]) {
  const path: number[] = []
  for (const key of keys) {
    const at = outlineAt(root, path, 0, 10_000)
    path.push(at?.children.findIndex((child) => child.key === key) ?? -1)
  }
  return outlineAt(root, path, 0, 10_000)
}

describe('the outline of a training dict with a DictConfig in it', () => {
  let checkpoint: Checkpoint
  let root: PyValue
  beforeAll(async () => {
    checkpoint = await openCheckpoint(golden('dictconfig/data/checkpoint.pt'))
    root = checkpoint.files[0]?.value as PyValue
  })
  afterAll(() => checkpoint.close())

  it('shows the config as plain values, under the name of its class', () => {
    const top = outlineAt(root, [], 0, 100)
    const config = top?.children.find(({ global }) => global === 'omegaconf.dictconfig.DictConfig')
    expect(config).toMatchObject({ kind: 'dict', refused: true })
    const inside = open(root, config?.key as string)
    expect(inside?.children.length).toBe(config?.children)
    expect(inside?.children.some(({ kind }) => kind === 'int' || kind === 'float' || kind === 'str')).toBe(true)
    expect(inside?.children.map(({ key }) => key)).not.toContain('_metadata')
  })

  it('names the global that blocks weights_only, and the keys that lead to it', () => {
    const [first] = refusalsIn(root)
    expect(first).toMatchObject({ module: 'omegaconf.dictconfig', name: 'DictConfig' })
    expect(open(root, ...(first?.where ?? []))?.node.global).toBe('omegaconf.dictconfig.DictConfig')
    expect(outlineAt(root, first?.path ?? [], 0, 1)?.node.global).toBe('omegaconf.dictconfig.DictConfig')
  })

  it('gives what a wrapping hides the place of the wrapping', () => {
    const metadata = refusalsIn(root).find(({ name }) => name === 'ContainerMetadata')
    expect(outlineAt(root, metadata?.path ?? [], 0, 1)?.node.global).toMatch(/^omegaconf\./)
  })

  it('shows tensors by dtype and shape, and gives children page by page', () => {
    const model = outlineAt(root, [], 0, 100)?.children.find(({ global }) => global === 'collections.OrderedDict')
    const all = open(root, model?.key as string)
    expect(all?.children[0]).toMatchObject({ kind: 'tensor', text: expect.stringMatching(/^float32 \[\d/) })
    const path = [outlineAt(root, [], 0, 100)?.children.findIndex(({ key }) => key === model?.key) as number]
    expect(outlineAt(root, path, 2, 3)?.children).toEqual(all?.children.slice(2, 5))
  })
})

it('opens a list that contains itself as far as it is asked to', () => {
  const list = new PyList()
  list.items.push(list)
  expect(outlineAt(list, [0, 0, 0], 0, 10)?.node).toMatchObject({ kind: 'list', text: '1 item', children: 1 })
  expect(refusalsIn(list)).toEqual([])
})

it('counts the items of lists on the way to what is refused', () => {
  const object = new PyObject(new PyGlobal('my.module', 'Thing'), new PyTuple([]), 'newobj')
  const root = new PyDict()
  root.entries.set('epoch', 3)
  root.entries.set('callbacks', new PyList([null, object]))
  expect(refusalsIn(root)).toEqual([{ module: 'my.module', name: 'Thing', where: ['callbacks', '1'], path: [1, 1] }])
})

it('leads nowhere along a path that is not there', () => {
  expect(outlineAt(new PyDict(), [0], 0, 10)).toBeUndefined()
  expect(outlineAt('text', [3, 1], 0, 10)).toBeUndefined()
})

it('shows an unknown object with its fields straight below it, and the call it would make', () => {
  const object = new PyObject(new PyGlobal('my.module', 'Thing'), new PyTuple([1, 'two']), 'newobj')
  const state = new PyDict()
  state.entries.set('lr', 3)
  object.state = state
  const outline = outlineAt(object, [], 0, 10)
  expect(outline?.node).toMatchObject({ kind: 'object', global: 'my.module.Thing', refused: true, children: 2 })
  expect(outline?.children).toMatchObject([
    { key: 'args', kind: 'tuple', children: 2 },
    { key: 'lr', kind: 'int', text: '3' },
  ])
})
