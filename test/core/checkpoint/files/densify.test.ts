import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { memorySource, readBytes } from '../../../../src/core/bytes/source'
import type { DType } from '../../../../src/core/checkpoint/dtype'
import { canDensify, denseSource, type Sparse } from '../../../../src/core/checkpoint/files/densify'
import { contiguousStrides, originOf, type Tensor } from '../../../../src/core/checkpoint/tensor'

function tensor(dtype: DType, shape: number[], data: ArrayBufferView): Tensor {
  const source = memorySource('model.pt', new Uint8Array(data.buffer, data.byteOffset, data.byteLength))
  const block = { source, offset: 0, strides: contiguousStrides(shape), start: originOf(shape), shape }
  return { name: 'part', dtype, shape, file: 'model.pt', component: 'weights', blocks: [block] }
}

const indices = (shape: number[], values: number[]) => tensor('int64', shape, BigInt64Array.from(values, BigInt))
const floats = (shape: number[], values: number[]) => tensor('float32', shape, Float32Array.from(values))

async function dense(sparse: Sparse): Promise<number[]> {
  const source = denseSource(sparse)
  return [...new Float32Array((await readBytes(source, 0, source.size)).buffer)]
}

const coo = (shape: number[], places: number[][], values: number[]): Sparse => ({
  name: 'w',
  layout: 'sparse_coo',
  shape,
  indices: indices(
    [shape.length, values.length],
    shape.flatMap((_, d) => places.map((place) => place[d] as number)),
  ),
  values: floats([values.length], values),
})

const csr = (rows: number[], columns: number[], values: number[], shape = [rows.length - 1, 4]): Sparse => ({
  name: 'w',
  layout: 'sparse_csr',
  shape,
  compressed: indices([rows.length], rows),
  indices: indices([columns.length], columns),
  values: floats([values.length], values),
})

describe('the dense form of a sparse tensor', () => {
  it('is the same however it is read', async () => {
    const place = fc.tuple(fc.nat(4), fc.nat(6))
    const entries = fc.uniqueArray(place, { selector: ([r, c]) => r * 7 + c, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(139), fc.nat(139), async (places, a, b) => {
        const sparse = coo(
          [5, 7],
          places,
          places.map((_, i) => i + 1),
        )
        const expected = new Float32Array(35)
        for (const [i, [r, c]] of places.entries()) expected[r * 7 + c] = i + 1
        expect(await dense(sparse)).toEqual([...expected])
        const [from, to] = a < b ? [a, b] : [b, a]
        const part = await readBytes(denseSource(sparse), from, to - from)
        expect([...part]).toEqual([...new Uint8Array(expected.buffer, from, to - from)])
      }),
    )
  })

  it('adds up what is named twice', async () => {
    expect(
      await dense(
        coo(
          [2, 2],
          [
            [1, 0],
            [0, 1],
            [1, 0],
          ],
          [1, 2, 4],
        ),
      ),
    ).toEqual([0, 2, 5, 0])
  })

  it.each<[string, Sparse]>([
    ['an index beyond the shape', coo([2, 2], [[2, 0]], [1])],
    ['a negative index', coo([2, 2], [[0, -1]], [1])],
    ['fewer indices than values', { ...coo([2, 2], [[0, 0]], [1]), values: floats([2], [1, 2]) }],
    ['a column beyond the shape', csr([0, 1, 1], [4], [1])],
    ['more entries than rows count', csr([0, 0, 0], [1], [1])],
    ['rows of another number than the shape', csr([0, 1], [1], [1], [3, 4])],
  ])('is refused: %s', async (_, sparse) => {
    await expect(dense(sparse)).rejects.toMatchObject({ code: 'file/bad-header' })
  })

  it('takes rows that are counted down for empty ones, and never hangs', async () => {
    const result = await dense(csr([0, 2, 1, 2], [0, 3], [1, 2])).catch((error: { code: string }) => error.code)
    expect(result).toEqual([1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0])
  })

  it('is not made where it would be beyond all measure, or where a part is lost', () => {
    expect(canDensify(coo([2, 2], [[0, 0]], [1]))).toBe(true)
    expect(canDensify(coo([2 ** 22, 2 ** 22], [[0, 0]], [1]))).toBe(false)
    const sparse = coo([2, 2], [[0, 0]], [1])
    expect(canDensify({ ...sparse, values: { ...sparse.values, blocks: [] } })).toBe(false)
    expect(canDensify({ ...sparse, indices: { ...sparse.indices, dtype: 'float32' } })).toBe(false)
  })

  it('refuses more runs than can be held, before it allocates', async () => {
    const empty = {
      ...coo([3], [], []),
      indices: indices([0, 2 ** 40], []),
      shape: [0],
      values: floats([2 ** 40, 0], []),
    }
    await expect(denseSource(empty).read(0, new Uint8Array(0))).rejects.toMatchObject({ code: 'file/resource-bomb' })
  })
})
