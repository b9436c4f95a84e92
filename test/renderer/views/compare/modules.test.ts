import { describe, expect, it } from 'vitest'
import {
  isIn,
  layersOf,
  type ModuleRow,
  moduleLines,
  openedAtFirst,
} from '../../../../src/renderer/views/compare/modules'

const module = (name: string, differing = 1): ModuleRow => ({
  name,
  tensors: 2,
  differing,
  count: 8,
  changed: differing,
  maxAbs: differing,
  rms: differing,
})
const model = [
  module(''),
  module('h'),
  module('h.10'),
  module('h.9', 0),
  module('h.9.mlp', 0),
  module('h.10.mlp'),
  module('wte', 0),
]
const labels = (lines: readonly { label: string; level: number }[]) =>
  lines.map(({ label, level }) => `${level} ${label}`)

describe('the modules of a comparison', () => {
  it('are a tree in the order of their numbers', () => {
    const all = new Set(['h', 'h.9', 'h.10'])
    expect(labels(moduleLines(model, all, false))).toEqual(['1 h', '2 9', '3 mlp', '2 10', '3 mlp', '1 wte'])
    expect(labels(moduleLines(model, new Set(), false))).toEqual(['1 h', '1 wte'])
  })

  it('leave out those in which nothing differs, when that is asked for', () => {
    expect(labels(moduleLines(model, new Set(['h', 'h.10']), true))).toEqual(['1 h', '2 10', '3 mlp'])
  })

  it('are opened at first as far as they fit', () => {
    expect([...openedAtFirst(model, 2)]).toEqual(['', 'wte'])
    expect([...openedAtFirst(model, 4)]).toEqual(['', 'h', 'wte'])
  })

  it('have layers: the largest family that only a number tells apart', () => {
    const experts = [0, 1].map((i) => module(`h.10.experts.${i}`))
    expect(layersOf([...model, ...experts]).map(({ name }) => name)).toEqual(['h.9', 'h.10'])
    expect(layersOf([module(''), module('h.0')])).toEqual([])
  })

  it('hold what is below them, and nothing that only begins as they do', () => {
    expect(isIn('h.1.weight', 'h.1')).toBe(true)
    expect(isIn('h.10.weight', 'h.1')).toBe(false)
    expect(isIn('anything', '')).toBe(true)
  })
})
