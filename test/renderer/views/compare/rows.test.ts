import { describe, expect, it } from 'vitest'
import type { DiffReport, DiffRow } from '../../../../src/renderer/api/compare'
import { sortDiff } from '../../../../src/renderer/views/compare/sort'
import { differing } from '../../../../src/renderer/views/compare/status'

const row = (name: string, status: DiffRow['status'], maxAbs: DiffRow['maxAbs']): DiffRow => ({
  name,
  status,
  changed: null,
  maxAbs,
  meanAbs: null,
  rms: null,
  relL2: null,
  cosine: null,
})

const tensors = [row('b', 'changed', 0.5), row('a', 'same', 0), row('c', 'onlyA', null), row('d', 'changed', 'NaN')]
const report: DiffReport = {
  a: '/a',
  b: '/b',
  identical: false,
  summary: { same: 1, changed: 2, unread: 0, onlyA: 1, onlyB: 0, shape: 0, dtype: 0 },
  tensors,
  state: [],
}
const names = (rows: readonly DiffRow[]) => rows.map(({ name }) => name).join('')

describe('rows of a comparison', () => {
  it('hide what is the same unless it is asked for', () => {
    expect(names(differing(report, new Set()))).toBe('bcd')
    expect(names(differing(report, new Set(['same'])))).toBe('a')
  })

  it('show what has another name, though its values are the same', () => {
    const renamed: DiffRow = { ...row('e', 'same', 0), nameB: 'model.e', match: 'prefix' }
    const moved = { ...report, tensors: [...tensors, renamed] }
    expect(names(differing(moved, new Set()))).toBe('bcde')
    expect(names(differing(moved, new Set(['moved'])))).toBe('e')
  })

  it('sort by a measure, NaN as the largest, those without one last either way', () => {
    expect(names(sortDiff(tensors, { column: 'maxAbs', descending: true }))).toBe('dbac')
    expect(names(sortDiff(tensors, { column: 'maxAbs', descending: false }))).toBe('abdc')
  })

  it('sort by name, as people count, and so without sorting too', () => {
    expect(names(sortDiff(tensors, { column: 'name', descending: false }))).toBe('abcd')
    const layers = [row('h.10', 'same', 0), row('h.9', 'same', 0)]
    expect(sortDiff(layers, null).map(({ name }) => name)).toEqual(['h.9', 'h.10'])
  })
})
