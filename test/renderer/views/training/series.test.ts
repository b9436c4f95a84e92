import { describe, expect, it } from 'vitest'
import {
  dotsOf,
  heightsOf,
  type Line,
  nonFinite,
  rowsOf,
  smooth,
  thin,
} from '../../../../src/renderer/views/training/series'

const line = (key: string, dots: Line['dots']): Line => ({ key, name: key, dots, colour: 1 })

describe('series', () => {
  const points = [
    { step: 1, value: 4 },
    { step: 2, value: 'NaN' as const },
    { step: 3, value: 'Infinity' as const },
    { step: 4, value: 2 },
  ]

  it('leave out what cannot be drawn, and say where it was', () => {
    expect(dotsOf(points)).toEqual([
      { x: 1, y: 4 },
      { x: 2, y: null },
      { x: 3, y: null },
      { x: 4, y: 2 },
    ])
    expect(nonFinite(points)).toEqual([2, 3])
  })

  it('smoothed begin at their first value and forget nothing over a gap', () => {
    const smoothed = smooth(dotsOf(points), 0.5)
    expect(smoothed.map((dot) => dot.y)).toEqual([4, null, null, (0.5 * 2 + 0.5 * 0.5 * 4) / 0.75])
  })

  it('without smoothing stay what they are', () => {
    expect(smooth(dotsOf(points), 0)).toEqual(dotsOf(points))
  })

  it('thinned keep every extreme', () => {
    const dots = Array.from({ length: 50_000 }, (_, x) => ({
      x,
      y: x === 31_337 ? 1000 : x === 777 ? -1000 : Math.sin(x),
    }))
    const thinned = thin(dots, 1000)
    expect(thinned.length).toBeLessThanOrEqual(1002)
    expect(thinned).toContainEqual({ x: 31_337, y: 1000 })
    expect(thinned).toContainEqual({ x: 777, y: -1000 })
    expect(thinned.every((dot, i) => i === 0 || dot.x > (thinned[i - 1]?.x ?? 0))).toBe(true)
  })

  it('that are short are not thinned', () => {
    const dots = dotsOf(points)
    expect(thin(dots, 1000)).toBe(dots)
  })

  it('join by x, in order, each x once', () => {
    const rows = rowsOf([
      line('a', [
        { x: 2, y: 1 },
        { x: 1, y: 3 },
      ]),
      line('b', [{ x: 2, y: 5 }]),
    ])
    expect(rows).toEqual([
      { x: 1, a: 3 },
      { x: 2, a: 1, b: 5 },
    ])
  })

  it('show nothing at or below zero on a log scale', () => {
    expect(
      rowsOf(
        [
          line('a', [
            { x: 1, y: 0 },
            { x: 2, y: 10 },
          ]),
        ],
        { log: true },
      ),
    ).toEqual([
      { x: 1, a: null },
      { x: 2, a: 10 },
    ])
  })

  it('have room around them, stand on zero where they touch it, and take having no values', () => {
    expect(
      heightsOf([
        line('a', [
          { x: 1, y: 0 },
          { x: 2, y: 1 },
        ]),
      ]).domain[0],
    ).toBe(0)
    const { domain, ticks } = heightsOf([
      line('a', [
        { x: 1, y: 3 },
        { x: 2, y: 4 },
      ]),
    ])
    expect(domain[0]).toBeLessThan(3)
    expect(ticks).toEqual([3, 3.2, 3.4, 3.6, 3.8, 4])
    expect(heightsOf([line('a', [{ x: 1, y: null }])])).toEqual({ domain: [0, 1], ticks: [] })
    expect(heightsOf([line('a', [{ x: 1, y: 5 }])]).domain[1]).toBeGreaterThan(5)
  })
})
