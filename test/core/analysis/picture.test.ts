import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { picture } from '../../../src/core/analysis/picture'

const f32 = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer)

describe('a picture of a tensor', () => {
  it('has the mean of the values under each cell, however they arrive in blocks', () => {
    const cases = fc.record({
      rows: fc.integer({ min: 1, max: 12 }),
      columns: fc.integer({ min: 1, max: 30 }),
      side: fc.integer({ min: 1, max: 9 }),
      block: fc.integer({ min: 1, max: 50 }),
    })
    fc.assert(
      fc.property(cases, ({ rows, columns, side, block }) => {
        const values = Array.from({ length: rows * columns }, (_, i) => (i * 7919) % 101)
        const drawing = picture('float32', [rows, columns], side)
        for (let at = 0; at < values.length; at += block) drawing?.update(f32(values.slice(at, at + block)))
        const { width, height, values: cells } = drawing?.result() ?? { width: 0, height: 0, values: [] }
        expect([width, height]).toEqual([Math.min(columns, side), Math.min(rows, side)])
        const under: number[][] = Array.from({ length: width * height }, () => [])
        values.forEach((v, i) => {
          const across = Math.floor(((i % columns) * width) / columns)
          const down = Math.floor((Math.floor(i / columns) * height) / rows)
          under[down * width + across]?.push(v)
        })
        const means = under.map((list) => list.reduce((sum, v) => sum + v, 0) / list.length)
        expect(cells.map((v) => v?.toFixed(9))).toEqual(means.map((v) => v.toFixed(9)))
      }),
    )
  })

  it('folds leading dimensions into rows, and shows a vector as one row', () => {
    const drawing = picture('uint8', [2, 3, 4], 8)
    drawing?.update(Uint8Array.from({ length: 24 }, (_, i) => i))
    expect(drawing?.result()).toMatchObject({ width: 4, height: 6 })
    expect(picture('uint8', [5], 8)?.result()).toMatchObject({ width: 5, height: 1 })
    expect(picture('uint8', [], 8)?.result()).toMatchObject({ width: 1, height: 1 })
  })

  it('has the value farthest from zero under each cell too', () => {
    const drawing = picture('float32', [2, 4], 2)
    drawing?.update(f32([1, -3, 0, 2, 5, 1, -0.5, 2]))
    expect(drawing?.result()).toMatchObject({ width: 2, height: 2, extremes: [-3, 2, 5, 2] })
  })

  it('leaves out cells with NaN or infinity', () => {
    const drawing = picture('float32', [1, 6], 3)
    drawing?.update(f32([1, 3, NaN, 0, 1, Infinity]))
    expect(drawing?.result().values).toEqual([2, null, null])
  })

  it('is not drawn of complex numbers or of nothing', () => {
    expect(picture('complex64', [2, 2], 8)).toBeUndefined()
    expect(picture('float32', [2, 0], 8)).toBeUndefined()
  })
})
