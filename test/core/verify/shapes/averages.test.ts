import { expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { lackedOfAverages } from '../../../../src/core/verify/shapes/averages'
import { verify } from '../../../../src/core/verify/verify'
import { checkpointOf, tensorOf } from '../handmade'

async function parameters(...names: string[]) {
  const checkpoint = checkpointOf({
    tensors: names.map((name) => ({ name, shape: /n_averaged$/.test(name) ? [] : [3, 4] })),
  })
  return (await verify(checkpoint, { kernel: referenceKernel })).tensors.parameters
}

test('a running average beside its weights holds no parameters of its own', async () => {
  expect(await parameters('model.a', 'model.b', 'ema.a', 'ema.b')).toBe(24)
  expect(await parameters('state_dict.a', 'state_dict_ema.a', 'state_dict_ema.n_averaged')).toBe(12)
})

test('an average that torch made has its weights under module', async () => {
  expect(await parameters('model.a', 'model.b', 'ema.module.a', 'ema.module.b', 'ema.n_averaged')).toBe(24)
})

test('an average shows what its weights have lost', () => {
  const names = ['a', 'b', 'c', 'd', 'e']
  const tensors = [
    ...names.filter((name) => name !== 'c').map((name) => tensorOf({ name: `model.${name}`, shape: [3, 4] })),
    ...names.map((name) => tensorOf({ name: `ema.module.${name}`, shape: [3, 4] })),
    tensorOf({ name: 'ema.n_averaged', shape: [] }),
  ]
  expect(lackedOfAverages(tensors)).toMatchObject([{ name: 'model.c', average: { name: 'ema.module.c' } }])
  const few = tensors.filter(({ name }) => name !== 'model.a')
  expect(lackedOfAverages(few).map(({ name }) => name)).toEqual(['model.a', 'model.c'])
  const other = tensors.filter(({ name }) => !/^model\.[ab]$/.test(name))
  expect(lackedOfAverages(other)).toEqual([])
})

test('an average is known whichever of the two bears more wrappers', async () => {
  expect(await parameters('model.module.a', 'model.module.b', 'ema.module.module.a', 'ema.module.module.b')).toBe(24)
  expect(await parameters('model.module.module.a', 'model.module.module.b', 'ema.a', 'ema.b')).toBe(24)
})

test('an average that is all there is is the model', async () => {
  expect(await parameters('ema.a', 'ema.b')).toBe(24)
})

test('an average of something else counts, and so does a second model', async () => {
  expect(await parameters('model.a', 'ema.b')).toBe(24)
  expect(await parameters('generator.a', 'discriminator.a')).toBe(24)
})
