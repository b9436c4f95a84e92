import { describe, expect, it } from 'vitest'
import { countFacets, filterRows, NO_FACETS, toggled } from '../../../../src/renderer/views/tensors/filter'
import { naturalKey } from '../../../../src/renderer/views/tensors/natural'
import { matcherOf } from '../../../../src/renderer/views/tensors/search'
import { inTreeOrder, sortRows } from '../../../../src/renderer/views/tensors/sort'
import { plainStatistics } from '../../fixture/case'
import { rowOf } from '../../fixture/truth'

const rows = [
  rowOf(0, 'layers.10.weight', 'bfloat16', [8, 4], ['tied']),
  rowOf(1, 'layers.2.weight', 'float32', [2, 4], ['flattened', 'frozen']),
  rowOf(2, 'layers.2.bias', 'float32', [4]),
]
const every = matcherOf('')
const names = (sorted: readonly { name: string }[]) => sorted.map((row) => row.name)

describe('rows of the tensor table', () => {
  it('are found by what they hold and by name together', () => {
    const facets = toggled(NO_FACETS, 'dtype', 'float32')
    expect(names(filterRows(rows, every, facets))).toEqual(['layers.2.weight', 'layers.2.bias'])
    expect(names(filterRows(rows, matcherOf('weight'), facets))).toEqual(['layers.2.weight'])
  })

  it('pass with any of the flags asked for', () => {
    const facets = toggled(toggled(NO_FACETS, 'flags', 'tied'), 'flags', 'frozen')
    expect(names(filterRows(rows, every, facets))).toEqual(['layers.10.weight', 'layers.2.weight'])
  })

  it('all pass again when what was asked for is taken back', () => {
    const facets = toggled(toggled(NO_FACETS, 'flags', 'tied'), 'flags', 'tied')
    expect(filterRows(rows, every, facets)).toHaveLength(3)
  })

  it('are counted by what they hold, the commonest first', () => {
    expect(countFacets(rows).dtype).toEqual([
      ['float32', 2],
      ['bfloat16', 1],
    ])
  })

  it.each([
    ['name', ['layers.2.bias', 'layers.2.weight', 'layers.10.weight']],
    ['bytes', ['layers.2.bias', 'layers.2.weight', 'layers.10.weight']],
    ['shape', ['layers.2.bias', 'layers.2.weight', 'layers.10.weight']],
    ['flags', ['layers.2.bias', 'layers.10.weight', 'layers.2.weight']],
  ])('sort by %s', (column, sorted) => {
    expect(names(sortRows(rows, { column, descending: false }))).toEqual(sorted)
    expect(names(sortRows(rows, { column, descending: true }))).toEqual(sorted.toReversed())
  })

  it('come as the tree has them, and stay so when no order is asked for', () => {
    const moment = { ...rowOf(3, 'a.exp_avg', 'float32', [4]), component: 'optimizer' }
    const sorted = inTreeOrder([rowOf(4, 'z', 'float32', [1]), moment, ...rows])
    expect(names(sorted)).toEqual(['layers.2.bias', 'layers.2.weight', 'layers.10.weight', 'z', 'a.exp_avg'])
  })

  it('sort by what was read of their values, those not read last either way', () => {
    const known = (index: number) =>
      index === 2 ? undefined : { ...plainStatistics(rowOf(index, 'w', 'float32', [4])), max: index }
    const sorting = (descending: boolean) => names(sortRows(rows, { column: 'max', descending }, known))
    expect(sorting(false)).toEqual(['layers.10.weight', 'layers.2.weight', 'layers.2.bias'])
    expect(sorting(true)).toEqual(['layers.2.weight', 'layers.10.weight', 'layers.2.bias'])
  })

  it('compare numbers in names as numbers', () => {
    expect(naturalKey('h.2') < naturalKey('h.10')).toBe(true)
    expect(naturalKey('h.2.b') < naturalKey('h.2.c')).toBe(true)
  })
})
