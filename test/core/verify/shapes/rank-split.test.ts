import { expect, test } from 'vitest'
import { agreedRanks, splitsOf } from '../../../../src/core/verify/shapes/rank-split'

test('a part without neighbours is split by its ranks alone', () => {
  expect(splitsOf(250, 1000, [])).toEqual([{ ranks: 4, swallowed: [], total: 1000 }])
})

test('a neighbour is counted in where only then the parts are equal', () => {
  const norm = { name: 'norm.weight', numel: 64 }
  expect(splitsOf(16016, 64000, [norm])).toEqual([{ ranks: 4, swallowed: ['norm.weight'], total: 64064 }])
})

test('the last rank may be padded', () => {
  expect(splitsOf(34, 100, [])[0]).toEqual({ ranks: 3, swallowed: [], total: 100 })
})

test('a whole tensor, and one larger than expected, is no part', () => {
  expect(splitsOf(1000, 1000, [])).toEqual([])
  expect(splitsOf(4000, 1000, [])).toEqual([])
})

test('what no number of ranks explains is not explained', () => {
  expect(splitsOf(333, 1000, [])).toEqual([])
})

test('tensors of one checkpoint agree on one number of ranks', () => {
  const embedding = splitsOf(16016, 64000, [{ name: 'norm', numel: 64 }])
  const matrix = splitsOf(8192, 16384, [{ name: 'down_proj', numel: 16384 }])
  expect(matrix.map(({ ranks }) => ranks)).toEqual([2, 4])
  expect(agreedRanks([embedding, matrix])).toBe(4)
})

test('the known number of processes decides between equal explanations', () => {
  const matrix = splitsOf(8192, 16384, [{ name: 'down_proj', numel: 16384 }])
  expect(agreedRanks([matrix])).toBe(2)
  expect(agreedRanks([matrix], 4)).toBe(4)
})
