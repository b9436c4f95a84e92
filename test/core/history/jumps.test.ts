import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jumpsOf, spikesOf } from '../../../src/core/history/jumps'

const series = (values: number[]) => values.map((value, i) => ({ step: i + 1, value }))
/** Noise that repeats, so that a test means the same each time. */
const noisy = (n: number, level: (i: number) => number) =>
  Array.from({ length: n }, (_, i) => level(i) + 0.1 * Math.sin(i * 7.3))

test('a noisy, falling loss has no jump', () => {
  expect(jumpsOf('loss', series(noisy(200, (i) => 4 * Math.exp(-i / 60) + 1)))).toEqual([])
})

test('a leap that stays is a jump, where it happens and once', () => {
  const values = noisy(60, (i) => (i < 40 ? 2 : 4))
  expect(jumpsOf('loss', series(values)).map(({ step }) => step)).toEqual([41])
})

test('a spike that passes is none, nor is a fall', () => {
  const spike = noisy(60, () => 2)
  spike[30] = 9
  expect(jumpsOf('loss', series(spike))).toEqual([])
  expect(spikesOf('loss', series(spike)).map(({ step, to }) => [step, to])).toEqual([[31, 9]])
  expect(jumpsOf('loss', series(noisy(60, (i) => (i < 40 ? 4 : 2))))).toEqual([])
})

test('a small step up in a smooth series is none', () => {
  expect(jumpsOf('loss', series(Array.from({ length: 40 }, (_, i) => (i < 20 ? 1 : 1.05))))).toEqual([])
})

test('too few points before say nothing', () => {
  expect(jumpsOf('loss', series([1, 1, 1, 9, 9, 9, 9]))).toEqual([])
})

test('each run of values that are not finite is told once', () => {
  const values = [2, 2, Number.NaN, Number.NaN, 2, 2, Number.POSITIVE_INFINITY]
  expect(jumpsOf('loss', series(values)).map(({ step }) => step)).toEqual([3, 7])
})

test('steps of jumps are steps of the series, in order, whatever the values', () => {
  fc.assert(
    fc.property(fc.array(fc.double(), { maxLength: 100 }), (values) => {
      const steps = jumpsOf('loss', series(values)).map(({ step }) => step)
      expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b))
      expect(steps.every((step) => step >= 1 && step <= values.length)).toBe(true)
    }),
  )
})

test('a leap that stays, a fall and noise are no spikes, and a spike of two values is one', () => {
  expect(spikesOf('loss', series(noisy(60, (i) => (i < 40 ? 2 : 4))))).toEqual([])
  expect(spikesOf('loss', series(noisy(60, (i) => (i < 40 ? 4 : 2))))).toEqual([])
  expect(spikesOf('loss', series(noisy(200, (i) => 4 * Math.exp(-i / 60) + 1)))).toEqual([])
  const wide = noisy(60, () => 2)
  wide[30] = 9
  wide[31] = 8
  expect(spikesOf('loss', series(wide)).map(({ step }) => step)).toEqual([31])
})
