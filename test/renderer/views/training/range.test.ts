import { describe, expect, it } from 'vitest'
import { dotsWithin, moved, rangeOf, scaled, within } from '../../../../src/renderer/views/training/range'

const all = [0, 100] as const

describe('a stretch of a chart', () => {
  it('is cut to what there is, and all of it is no stretch', () => {
    expect(within([-20, 40], all)).toEqual([0, 40])
    expect(within([-20, 140], all)).toBeNull()
    expect(within([140, 160], all)).toBeNull()
  })

  it('grows and shrinks about its middle until it is all there is', () => {
    expect(scaled(all, 0.5, all)).toEqual([25, 75])
    expect(scaled([25, 75], 2, all)).toBeNull()
    expect(scaled([0, 20], 2, all)).toEqual([0, 30])
  })

  it('moves as far as there is something to see, and keeps its length', () => {
    expect(moved([10, 30], 0.25, all)).toEqual([15, 35])
    expect(moved([90, 98], 1, all)).toEqual([92, 100])
    expect(moved([4, 24], -0.25, all)).toEqual([0, 20])
  })

  it('is nothing where there is one number or none', () => {
    expect(rangeOf([3, 1, 2])).toEqual([1, 3])
    expect(rangeOf([3])).toBeNull()
    expect(rangeOf([])).toBeNull()
  })

  it('shows lines up to their next value beyond its edges', () => {
    const dots = [1, 2, 3, 4, 5, 6].map((x) => ({ x, y: x }))
    expect(dotsWithin(dots, [3, 4]).map(({ x }) => x)).toEqual([2, 3, 4, 5])
    expect(dotsWithin(dots, [7, 9]).map(({ x }) => x)).toEqual([6])
    expect(dotsWithin(dots, null)).toBe(dots)
  })
})
