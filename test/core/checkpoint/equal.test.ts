import { describe, expect, it } from 'vitest'
import { memorySource } from '../../../src/core/bytes/source'
import { equalValues } from '../../../src/core/checkpoint/equal'
import { contiguousStrides, type Tensor } from '../../../src/core/checkpoint/tensor'

/** Values of 16 bits; `strides` other than the contiguous ones for a view. */
function tensor(values: readonly number[], shape: readonly number[], strides = contiguousStrides(shape)): Tensor {
  const source = memorySource('f', new Uint8Array(Uint16Array.from(values).buffer))
  const block = { source, offset: 0, strides, start: shape.map(() => 0), shape }
  return { name: 't', dtype: 'uint16', shape, file: 'f', component: 'weights', blocks: [block] }
}

const COUNT = 300_000
const counted = Array.from({ length: COUNT }, (_, i) => (i * 7919) & 0xffff)

describe('the values of two tensors', () => {
  it('are equal where each is, however they lie', async () => {
    const rows = tensor([1, 2, 3, 4, 5, 6], [2, 3])
    const columns = tensor([1, 4, 2, 5, 3, 6], [2, 3], [1, 2])
    expect(await equalValues(rows, columns)).toBe(true)
    expect(await equalValues(columns, tensor([1, 4, 2, 5, 3, 6], [2, 3]))).toBe(false)
    expect(await equalValues(tensor(counted, [COUNT]), tensor(counted, [COUNT / 2, 2]))).toBe(true)
  })

  it('differ where one does, the last as well', async () => {
    for (const at of [0, COUNT / 2, COUNT - 1]) {
      const changed = counted.with(at, (counted[at] as number) ^ 1)
      expect(await equalValues(tensor(counted, [COUNT]), tensor(changed, [COUNT]))).toBe(false)
    }
  })

  it('differ where one has more of them, and are equal where neither has any', async () => {
    expect(await equalValues(tensor([1, 2], [2]), tensor([1, 2, 3], [3]))).toBe(false)
    const none: Tensor = { ...tensor([], [0]), blocks: [] }
    expect(await equalValues(none, none)).toBe(true)
    expect(await equalValues(none, tensor([1], [1]))).toBe(false)
  })

  it('are not read on once nobody waits', async () => {
    const stop = AbortSignal.abort()
    await expect(equalValues(tensor(counted, [COUNT]), tensor(counted, [COUNT]), stop)).rejects.toMatchObject({
      code: 'cancelled',
    })
  })
})
