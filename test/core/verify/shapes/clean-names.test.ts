import { expect, test } from 'vitest'
import { cleaner, wrapperIn } from '../../../../src/core/verify/shapes/clean-names'

const cleaned = (...names: string[]) => names.map(cleaner(names))

test('of a wrapper that stands twice under a key one stays, and other keys are left alone', () => {
  expect(cleaned('state_dict.module.module.a', 'state_dict.module.module.b', 'ema.module.a', 'ema.module.b')).toEqual([
    'state_dict.module.a',
    'state_dict.module.b',
    'ema.module.a',
    'ema.module.b',
  ])
  expect(wrapperIn('state_dict.module.module.a', 'state_dict.module.a')).toBe('a second module.')
})

test('of wrappers that all names begin with none stays', () => {
  expect(cleaned('module.module.a', 'module.module.b')).toEqual(['a', 'b'])
})

test('an average of a wrapped model keeps both of its wrappers', () => {
  expect(cleaned('model.a', 'ema.module.module.a')).toEqual(['model.a', 'ema.module.module.a'])
})
