import { describe, expect, it } from 'vitest'
import {
  baseName,
  folderOf,
  formatBytes,
  formatNumber,
  formatPercent,
  formatShape,
  formatShort,
  formatValue,
  plural,
  ruleWords,
  toNumber,
} from '../../../src/renderer/ui/format'

describe('formats', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [122_608, '123 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [5_368_709_120, '5.37 GB'],
  ])('%d bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text)
  })

  it.each([
    [100_000, '100 k'],
    [400_000, '400 k'],
    [350_000_000, '350 M'],
    [0, '0'],
    [999, '999'],
    [28_032, '28.03 k'],
    [124_439_808, '124 M'],
    [6_738_415_616, '6.738 B'],
    [1000, '1 k'],
  ])('%d at a glance is %s', (count, text) => {
    expect(formatShort(count)).toBe(text)
  })

  it.each([
    [null, '–'],
    ['NaN', 'NaN'],
    ['-Infinity', '-∞'],
    [0, '0'],
    [1, '1'],
    [-0.07422446459531784, '-0.07422'],
    [0.00025718554379148645, '2.572e-4'],
    [123_456, '123,456'],
    [1.5e12, '1.500e12'],
  ] as const)('the value %s is %s', (value, text) => {
    expect(formatValue(value)).toBe(text)
  })

  it('drops zeros that say nothing where no column needs them', () => {
    expect(
      ['2.500', '1.500e12', '2.500e-5', '10', '0.001000'].map((_, i) =>
        formatNumber([2.5, 1.5e12, 2.5e-5, 10, 0.001][i]),
      ),
    ).toEqual(['2.5', '1.5e12', '2.5e-5', '10', '0.001'])
  })

  it('reads the contract numbers that JSON cannot hold', () => {
    expect([toNumber('NaN'), toNumber('Infinity'), toNumber('-Infinity'), toNumber(2)]).toEqual([
      Number.NaN,
      Infinity,
      -Infinity,
      2,
    ])
  })

  it('names shapes, parts, paths and rules', () => {
    expect(formatShape([1280, 128, 3])).toBe('1280 × 128 × 3')
    expect(formatShape([])).toBe('scalar')
    expect([formatPercent(0, 0), formatPercent(1, 4096), formatPercent(87, 96), formatPercent(5, 5)]).toEqual([
      '0 %',
      '< 0.1 %',
      '90.6 %',
      '100 %',
    ])
    expect([baseName('/runs/checkpoint-30/'), baseName('C:\\runs\\model.pt')]).toEqual(['checkpoint-30', 'model.pt'])
    expect([folderOf('/runs/checkpoint-30'), folderOf('C:\\runs\\model.pt')]).toEqual(['/runs', 'C:\\runs'])
    expect([ruleWords('weights/rank-shard'), ruleWords('rng/missing')]).toEqual(['Weights: rank shard', 'RNG: missing'])
    expect([plural(1, 'file'), plural(1200, 'file')]).toEqual(['1 file', '1,200 files'])
  })
})
