import { expect, it } from 'vitest'
import { globFilter } from '../../../src/core/checkpoint/glob'

const names = ['model.layers.0.attn.weight', 'model.layers.10.attn.bias', 'lm_head.weight', 'a[0].b+c']
const fitting = (glob: string) => names.filter(globFilter(glob))

it('lets * stand for any text, dots and slashes among it', () => {
  expect(fitting('*.attn.*')).toEqual(names.slice(0, 2))
  expect(fitting('*weight')).toEqual([names[0], names[2]])
})

it('lets ? stand for one character', () => {
  expect(fitting('model.layers.?.attn.*')).toEqual([names[0]])
})

it('finds a glob without either anywhere in the name', () => {
  expect(fitting('head')).toEqual([names[2]])
})

it('takes everything else literally', () => {
  expect(fitting('a[0].b+?')).toEqual([names[3]])
  expect(globFilter('a.b*')('axb')).toBe(false)
})

it('is not slow on many stars', () => {
  expect(globFilter(`${'*a'.repeat(12)}*b`)('a'.repeat(60))).toBe(false)
})
