import { expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { byteLength, type Tensor } from '../../../src/core/checkpoint/tensor'
import { Progress } from '../../../src/core/repair/progress'
import { Soundness } from '../../../src/core/repair/soundness'
import { golden, opened } from './cases'

it('counts the values that two tensors share once, and none that were read before', async () => {
  const { tensors } = await opened(golden('damaged-healthy-st/data'))
  const [first, second] = tensors as readonly [Tensor, Tensor]
  const soundness = new Soundness()
  const wanted = [first, second, { ...first, name: 'tied' }]
  expect(await soundness.bytes(wanted)).toBe(byteLength(first) + byteLength(second))
  await soundness.of(first, { kernel: referenceKernel, progress: new Progress(0) })
  expect(await soundness.bytes(wanted)).toBe(byteLength(second))
})
