import { describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import { differenceOf } from '../../../src/core/diff/difference'
import { floats, weights } from './checkpoints'

const options = { kernel, bins: 4, side: 8 }

const drawn = (shape: readonly number[]) =>
  floats(
    'w',
    Array.from({ length: 12 }, (_, i) => Math.sin(i)),
    { shape },
  )

describe('the difference of two tensors', () => {
  it('is right minus left, value by value, as numbers, histogram and picture', async () => {
    const a = floats('w', [1, 2, 3, 4], { shape: [2, 2] })
    const b = floats('w', [1, 4, 2, 4], { shape: [2, 2] })
    const { statistics, histogram, picture } = await differenceOf(a, b, options)
    expect(statistics).toMatchObject({ count: 4, min: -1, max: 2, zeros: 2 })
    expect(histogram).toEqual({ min: -1, max: 2, counts: Float64Array.of(1, 2, 0, 1) })
    expect(picture).toMatchObject({ width: 2, height: 2, values: [0, 2, -1, 0] })
  })

  it('is nothing where both are NaN or the same infinity, and no number where one side is', async () => {
    const a = floats('w', [Number.NaN, Number.POSITIVE_INFINITY, 1])
    const b = floats('w', [Number.NaN, Number.POSITIVE_INFINITY, Number.NaN])
    expect((await differenceOf(a, b, options)).statistics).toMatchObject({ zeros: 2, nan: 1, min: 0, max: 0 })
  })

  it('is taken across dtypes, each in its own', async () => {
    const bf16 = weights('w', 'bfloat16', [2], Uint8Array.of(0x80, 0x3f, 0x00, 0x40)) // 1 and 2
    const { statistics } = await differenceOf(floats('w', [1, 1.5]), bf16, options)
    expect(statistics).toMatchObject({ min: 0, max: 0.5 })
  })

  it('of one that was flattened or transposed is taken in its order, and drawn in two dimensions', async () => {
    const flat = await differenceOf(drawn([3, 4]), drawn([12]), options)
    expect(flat).toMatchObject({ statistics: { count: 12, zeros: 12 }, picture: { height: 3, width: 4 } })
    const columns = floats('w', [0, 3, 1, 4, 2, 5], { shape: [3, 2] })
    const turned = await differenceOf(floats('w', [0, 1, 2, 3, 4, 5], { shape: [2, 3] }), columns, options)
    expect(turned.statistics).toMatchObject({ count: 6, zeros: 6 })
  })

  it('is refused where values do not stand against each other', async () => {
    const regrouped = differenceOf(drawn([2, 6]), drawn([3, 4]), options)
    await expect(regrouped).rejects.toMatchObject({ code: 'usage' })
    const complex = weights('w', 'complex64', [1], new Uint8Array(8))
    await expect(differenceOf(complex, complex, options)).rejects.toMatchObject({ code: 'usage' })
  })
})
