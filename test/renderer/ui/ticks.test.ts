import { describe, expect, it } from 'vitest'
import { niceTicks } from '../../../src/renderer/ui/ticks'

describe('ticks', () => {
  it.each([
    [1, 30, 8, [5, 10, 15, 20, 25, 30]],
    [3.41, 3.95, 5, [3.5, 3.6, 3.7, 3.8, 3.9]],
    [0, 0.00106, 5, [0, 0.0002, 0.0004, 0.0006, 0.0008, 0.001]],
    [-1, 1, 4, [-1, -0.5, 0, 0.5, 1]],
  ])('from %d to %d, about %d', (min, max, count, ticks) => {
    expect(niceTicks(min, max, count)).toEqual(ticks)
  })

  it('are one where there is no span', () => {
    expect(niceTicks(7, 7, 5)).toEqual([7])
    expect(niceTicks(Number.NaN, 1, 5)).toHaveLength(1)
  })
})
