import { expect, test } from 'vitest'
import { Reference } from '../../../src/core/verify/reference'
import { checkpointOf } from './handmade'

const named = (...names: readonly string[]) => checkpointOf({ tensors: names.map((name) => ({ name, shape: [2] })) })

test('of two models in one file, that under a wrapper is still the one that the reference has without', () => {
  const checkpoint = named('model.module.fc.weight', 'ema.fc.weight')
  const reference = new Reference(checkpoint, named('model.fc.weight', 'ema.fc.weight'))
  expect(reference.lacking(undefined)).toEqual([])
  expect(reference.of(checkpoint.tensors[0] as (typeof checkpoint.tensors)[0])?.name).toBe('model.fc.weight')
})

test('a module called so is no wrapper where the reference has both', () => {
  const checkpoint = named('block.module.weight', 'head.weight')
  const reference = new Reference(checkpoint, named('block.module.weight', 'block.weight', 'head.weight'))
  expect(reference.lacking(undefined).map(({ name }) => name)).toEqual(['block.weight'])
})
