import { describe, expect, it } from 'vitest'
import { moveInTree, type TreeLine, typeAhead } from '../../../src/renderer/ui/tree-keys'

const line = (label: string, parent: number, more: Partial<TreeLine> = {}): TreeLine => ({
  key: `${label}.`,
  label,
  level: parent < 0 ? 1 : 2,
  position: 1,
  siblings: 2,
  expandable: true,
  opened: false,
  parent,
  ...more,
})

const closed = [line('lm_head', -1), line('model', -1)]
const opened = [
  line('lm_head', -1),
  line('model', -1, { opened: true }),
  line('layers', 1),
  line('norm', 1, { expandable: false }),
]

describe('the keys of the tree', () => {
  it.each([
    ['ArrowDown', 0, { index: 1 }],
    ['ArrowDown', 1, { index: 1 }],
    ['ArrowUp', 0, { index: 0 }],
    ['End', 0, { index: 1 }],
    ['ArrowRight', 1, { open: { keys: ['model.'], to: true } }],
    ['*', 0, { open: { keys: ['lm_head.', 'model.'], to: true } }],
    ['x', 0, undefined],
  ])('%s on line %d of the closed tree', (key, at, move) => {
    expect(moveInTree(closed, at, key)).toEqual(move)
  })

  it.each([
    ['ArrowRight', 1, { index: 2 }],
    ['ArrowLeft', 1, { open: { keys: ['model.'], to: false } }],
    ['ArrowLeft', 2, { index: 1 }],
  ])('%s on line %d of the opened one', (key, at, move) => {
    expect(moveInTree(opened, at, key)).toEqual(move)
  })

  it('letters jump to the next label that begins with them', () => {
    expect(typeAhead(opened, 0, 'n')).toBe(3)
    expect(typeAhead(opened, 0, 'la')).toBe(2)
    expect(typeAhead(opened, 3, 'l')).toBe(0)
    expect(typeAhead(opened, 0, 'zz')).toBeUndefined()
  })
})
