import { expect, test } from 'vitest'
import { flattened } from '../../../../src/core/verify/rules/flattened'
import { checkpointOf, findingsOf, type TensorSpec, tensorOf } from '../handmade'

/** The shapes that flattened tensors are told to have, by the moments of an optimizer that keeps no names. */
async function told(tensors: readonly TensorSpec[], moments: readonly (readonly number[])[]) {
  const parameters = moments.map((shape, key) => ({
    key,
    tensors: { exp_avg: tensorOf({ name: `state.${key}.exp_avg`, shape, component: 'optimizer' }) },
    scalars: {},
  }))
  const groups = [{ params: moments.map((_, i) => i), hyper: {} }]
  const state = { optimizers: [{ file: 'optimizer.pt', groups, parameters }] }
  const found = await findingsOf(flattened, checkpointOf({ tensors, state }))
  return Object.fromEntries(found.map(({ subject, evidence }) => [subject, evidence?.shape]))
}

for (const [gain, direction] of [
  ['conv.parametrizations.weight.original0', 'conv.parametrizations.weight.original1'],
  ['conv.weight_g', 'conv.weight_v'],
] as const) {
  test(`the moments tell the direction ${direction}, and the direction its gain`, async () => {
    const flat = [
      { name: 'conv.bias', shape: [32] },
      { name: gain, shape: [32] },
      { name: direction, shape: [512] },
    ]
    const expected = { [gain]: [32, 1], [direction]: [32, 16] }
    expect(await told(flat, [[32], [32, 1], [32, 16]])).toEqual(expected)
    expect(await told(flat, [[32, 16]])).toEqual(expected)
  })
}

test('of two dimensions that are as long as the gain the moments tell which', async () => {
  const flat = [
    { name: 'conv.weight_g', shape: [8] },
    { name: 'conv.weight_v', shape: [1024] },
  ]
  expect(
    await told(flat, [
      [1, 1, 8],
      [16, 8, 8],
    ]),
  ).toEqual({ 'conv.weight_g': [1, 1, 8], 'conv.weight_v': [16, 8, 8] })
  expect(await told(flat, [[16, 8, 8]])).toEqual({ 'conv.weight_v': [16, 8, 8] })
})

test('a gain of one dimension beside a direction that kept its shape may be meant so', async () => {
  const whole = [
    { name: 'conv.weight_g', shape: [32] },
    { name: 'conv.weight_v', shape: [32, 16] },
  ]
  expect(await told(whole, [[32], [32, 16]])).toEqual({})
  expect(
    await told(whole, [
      [32, 1],
      [32, 16],
    ]),
  ).toEqual({ 'conv.weight_g': [32, 1] })
})
