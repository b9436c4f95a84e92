import { expect, test } from 'vitest'
import type { LayoutId } from '../../../../src/core/checkpoint/checkpoint'
import { rngMalformed } from '../../../../src/core/verify/rules/rng-malformed'
import { checkpointOf, findingsOf } from '../handmade'

const found = (layout: LayoutId, ...generators: string[]) =>
  findingsOf(rngMalformed, checkpointOf({ layout, state: { rng: [{ file: 'rng_state.pth', generators }] } }))

test('a generator that the Trainer asks for is missed', async () => {
  expect(await found('trainer', 'python', 'numpy', 'torch', 'cuda')).toEqual([])
  const [malformed] = await found('trainer', 'python', 'numpy')
  expect(malformed?.message).toBe('rng_state.pth lacks the state of torch, which the Trainer asks for')
})

test('other loops keep what they like', async () => {
  expect(await found('folder', 'torch')).toEqual([])
})
