import { describe, expect, it } from 'vitest'
import {
  branchAt,
  isBranch,
  type Line,
  linesOf,
  openedAtFirst,
  treeOf,
} from '../../../../src/renderer/views/tensors/tree'
import { rowOf } from '../../fixture/truth'

const rows = [
  'model.layers.10.weight',
  'model.layers.2.weight',
  'model.layers.2.bias',
  'model.norm.weight',
  'lm_head.weight',
].map((name, i) => rowOf(i, name, 'float32', [4], i === 2 ? ['non-finite'] : []))

const sketch = (lines: readonly Line[]) => lines.map(({ label, level }) => `${'  '.repeat(level - 1)}${label}`)

describe('the tree of modules', () => {
  it('shows nothing but its roots until they are opened', () => {
    expect(sketch(linesOf(treeOf(rows), new Set()))).toEqual(['lm_head', 'model'])
  })

  it('orders layers as people count', () => {
    const opened = new Set(['model.', 'model.layers.'])
    expect(sketch(linesOf(treeOf(rows), opened))).toEqual(['lm_head', 'model', '  layers', '    2', '    10', '  norm'])
  })

  it('shares a line among branches that hold nothing else', () => {
    const deep = ['a.b.c.weight', 'a.b.c.bias'].map((name, i) => rowOf(i, name, 'float32', [1]))
    const tree = treeOf(deep)
    expect(sketch(linesOf(tree, new Set(['a.b.c.'])))).toEqual(['a.b.c', '  bias', '  weight'])
  })

  it('puts components above modules where there is more than one, in their own order', () => {
    const moments = ['state.0.exp_avg', 'state.0.step'].map((name, i) => ({
      ...rowOf(9 + i, name, 'float32', [4]),
      component: 'optimizer',
    }))
    expect(sketch(linesOf(treeOf([...rows, ...moments]), new Set()))).toEqual(['weights', 'optimizer.state.0'])
  })

  it('counts what is below, and what of it is in trouble', () => {
    const layers = branchAt(treeOf(rows), 'model.layers.')
    expect([layers?.rows.length, layers?.troubled, layers?.bytes]).toEqual([3, 1, 48])
  })

  it('tells positions for those who cannot see them', () => {
    const [, model] = linesOf(treeOf(rows), new Set())
    expect(model).toMatchObject({ level: 1, position: 2, siblings: 2, parent: -1 })
  })

  it('takes names that are paths, empty, doubled or nothing but dots', () => {
    const odd = ['', '.', 'a', 'a', 'a.', '__proto__', '__proto__.x', '.'.repeat(100_000)]
    const tree = treeOf(odd.map((name, i) => rowOf(i, name, 'float32', [1])))
    const lines = linesOf(tree, openedAtFirst(tree, 100))
    const leaves = lines.filter(({ node }) => !isBranch(node))
    expect(leaves).toHaveLength(odd.length)
    expect(new Set(lines.map((line) => line.key)).size).toBe(lines.length)
  })

  it('opens outer branches first, and no more than fit', () => {
    const tree = treeOf(rows)
    expect([...openedAtFirst(tree, 5)].sort()).toEqual(['', 'lm_head.', 'model.'])
  })
})
