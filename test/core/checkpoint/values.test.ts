import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { openFile } from '../../../src/core/bytes/file'
import { type ByteSource, memorySource } from '../../../src/core/bytes/source'
import { type DType, itemSize } from '../../../src/core/checkpoint/dtype'
import { type Block, contiguousStrides, numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import { readAll, readBlocks, readFirst, sha256Of } from '../../../src/core/checkpoint/values'
import { AssayError } from '../../../src/core/errors'

function tensor(dtype: DType, shape: readonly number[], blocks: readonly Block[]): Tensor {
  return { name: 't', dtype, shape, file: 'f', component: 'weights', blocks }
}

function whole(source: ByteSource, shape: readonly number[], more: Partial<Block> = {}): Block {
  return { source, offset: 0, strides: contiguousStrides(shape), start: shape.map(() => 0), shape, ...more }
}

function at(list: readonly number[], i: number): number {
  return list[i] as number
}

/** Bytes that tell where they came from. */
function numbered(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (i * 37 + (i >> 8) * 11) & 255)
}

function* indices(shape: readonly number[]): Generator<number[]> {
  for (let n = 0; n < numel(shape); n++) {
    const index: number[] = []
    let rest = n
    for (const extent of [...shape].reverse()) {
      index.unshift(rest % extent)
      rest = Math.floor(rest / extent)
    }
    yield index
  }
}

/** One element at a time, as the definition of strides has it. */
function gathered(t: Tensor, bytesOf: (block: Block) => Uint8Array): Uint8Array {
  const item = itemSize(t.dtype)
  const group = t.dtype.startsWith('complex') ? item / 2 : item
  const out: number[] = []
  for (const index of indices(t.shape)) {
    const block = t.blocks.find((b) =>
      index.every((i, d) => i >= at(b.start, d) && i < at(b.start, d) + at(b.shape, d)),
    ) as Block
    const element = index.reduce((sum, i, d) => sum + (i - at(block.start, d)) * at(block.strides, d), 0)
    const bytes = [...bytesOf(block).subarray(block.offset + element * item, block.offset + (element + 1) * item)]
    for (let from = 0; from < item; from += group) {
      const part = bytes.slice(from, from + group)
      out.push(...(block.bigEndian ? part.reverse() : part))
    }
  }
  return Uint8Array.from(out)
}

async function collect(t: Tensor, blockBytes?: number): Promise<Uint8Array[]> {
  const blocks: Uint8Array[] = []
  for await (const block of readBlocks(t, blockBytes === undefined ? {} : { blockBytes })) blocks.push(block.slice())
  return blocks
}

function joined(blocks: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(blocks.flatMap((block) => [...block]))
}

const dtypes = fc.constantFrom<DType>('uint8', 'bfloat16', 'float32', 'int64', 'complex32', 'complex64', 'complex128')

describe('the values of a tensor', () => {
  it('are the bytes of a contiguous block, in blocks of whole elements', async () => {
    const bytes = numbered(100)
    const t = tensor('float32', [3, 7], [whole(memorySource('f', bytes), [3, 7], { offset: 8 })])
    const blocks = await collect(t, 23)
    expect(blocks.map((block) => block.length)).toEqual([20, 20, 20, 20, 4])
    expect(joined(blocks)).toEqual(bytes.subarray(8, 92))
  })

  it('come one element at a time when a block is asked to be smaller than one', async () => {
    const t = tensor('complex128', [2], [whole(memorySource('f', numbered(32)), [2])])
    expect((await collect(t, 1)).map((block) => block.length)).toEqual([16, 16])
  })

  it('follow any strides, offset and byte order, as gathering element by element does', async () => {
    const views = fc.record({
      dtype: dtypes,
      dims: fc.array(fc.record({ extent: fc.integer({ min: 1, max: 6 }), stride: fc.integer({ min: 0, max: 40 }) }), {
        maxLength: 4,
      }),
      offset: fc.integer({ min: 0, max: 5 }),
      bigEndian: fc.boolean(),
      blockBytes: fc.integer({ min: 1, max: 400 }),
    })
    await fc.assert(
      fc.asyncProperty(views, async ({ dtype, dims, offset, bigEndian, blockBytes }) => {
        const shape = dims.map((d) => d.extent)
        const strides = dims.map((d) => d.stride)
        const span = dims.reduce((sum, d) => sum + (d.extent - 1) * d.stride, 1)
        const bytes = numbered(offset + span * itemSize(dtype))
        const t = tensor(dtype, shape, [whole(memorySource('f', bytes), shape, { offset, strides, bigEndian })])
        const blocks = await collect(t, blockBytes)
        expect(joined(blocks)).toEqual(gathered(t, () => bytes))
        const full = Math.max(Math.floor(blockBytes / itemSize(dtype)), 1) * itemSize(dtype)
        expect(blocks.slice(0, -1).every((block) => block.length === full)).toBe(true)
        expect(blocks.at(-1)?.length).toBeLessThanOrEqual(full)
      }),
      { numRuns: 200 },
    )
  })

  it('are put together from blocks that cut the tensor anywhere', async () => {
    const cuts = fc.record({
      dtype: dtypes,
      shape: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 }),
      cutAt: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 3, maxLength: 3 }),
      swapped: fc.array(fc.boolean(), { minLength: 8, maxLength: 8 }),
      columnMajor: fc.boolean(),
      blockBytes: fc.integer({ min: 1, max: 300 }),
    })
    await fc.assert(
      fc.asyncProperty(cuts, async ({ dtype, shape, cutAt, swapped, columnMajor, blockBytes }) => {
        let boxes: { start: number[]; shape: number[] }[] = [{ start: [], shape: [] }]
        shape.forEach((extent, d) => {
          const cut = at(cutAt, d) % extent
          const edges = cut === 0 ? [0, extent] : [0, cut, extent]
          boxes = boxes.flatMap((box) =>
            edges
              .slice(1)
              .map((end, i) => ({ start: [...box.start, at(edges, i)], shape: [...box.shape, end - at(edges, i)] })),
          )
        })
        const bytesOf = new Map<Block, Uint8Array>()
        const blocks = boxes.map((box, i) => {
          const bytes = numbered(numel(box.shape) * itemSize(dtype) + 3 + i)
          const strides = columnMajor
            ? contiguousStrides([...box.shape].reverse()).reverse()
            : contiguousStrides(box.shape)
          const block = {
            source: memorySource('f', bytes),
            offset: 3 + i,
            strides,
            ...box,
            bigEndian: swapped[i] === true,
          }
          bytesOf.set(block, bytes)
          return block
        })
        const t = tensor(dtype, shape, blocks)
        expect(joined(await collect(t, blockBytes))).toEqual(gathered(t, (block) => bytesOf.get(block) as Uint8Array))
      }),
      { numRuns: 150 },
    )
  })

  it('of a transposed matrix larger than the memory used for it are read once, in runs', async () => {
    const [rows, columns] = [2100, 2000]
    const bytes = new Uint8Array(rows * columns * 4)
    const stored = new Uint32Array(bytes.buffer)
    for (let i = 0; i < stored.length; i++) stored[i] = i
    const memory = memorySource('f', bytes)
    let read = 0
    let reads = 0
    const counting: ByteSource = {
      ...memory,
      async read(offset, target) {
        read += target.length
        reads++
        target.set(bytes.subarray(offset, offset + target.length))
      },
    }
    const t = tensor('float32', [rows, columns], [whole(counting, [rows, columns], { strides: [1, rows] })])
    let n = 0
    let wrong = 0
    for await (const block of readBlocks(t, { blockBytes: 2 ** 15 })) {
      for (const value of new Uint32Array(block.buffer, block.byteOffset, block.length / 4)) {
        if (value !== (n % columns) * rows + Math.floor(n / columns)) wrong++
        n++
      }
    }
    expect({ wrong, n }).toEqual({ wrong: 0, n: rows * columns })
    expect(read).toBeLessThan(bytes.length * 2)
    expect(reads).toBeLessThan(100_000)
  })

  it('come out of columns that lie far apart, in any byte order', async () => {
    for (const dtype of ['uint8', 'bfloat16', 'complex64', 'complex128'] as const) {
      for (const bigEndian of [false, true]) {
        const [shape, strides] = [
          [2, 40, 8],
          [7, 1, 9000],
        ]
        const bytes = numbered((7 + 39 + 7 * 9000 + 1) * itemSize(dtype))
        const t = tensor(dtype, shape, [whole(memorySource('f', bytes), shape, { strides, bigEndian })])
        expect(joined(await collect(t))).toEqual(gathered(t, () => bytes))
      }
    }
  })

  it('of an empty tensor are none, even where none are stored', async () => {
    expect(await collect(tensor('float32', [3, 0], []))).toEqual([])
    expect(await readAll(tensor('float32', [2 ** 60, 2 ** 60, 0], []), 0)).toEqual(new Uint8Array(0))
  })

  it('have the digest of their contiguous bytes', async () => {
    const bytes = numbered(24)
    const source = memorySource('f', bytes)
    const transposed = tensor('uint8', [4, 6], [whole(source, [4, 6], { strides: [1, 4] })])
    const expected = createHash('sha256').update(gathered(transposed, () => bytes))
    expect(await sha256Of(transposed)).toBe(expected.digest('hex'))
  })

  it('can be had at once, within a limit', async () => {
    const bytes = numbered(40)
    const t = tensor('int16', [20], [whole(memorySource('f', bytes), [20])])
    expect(await readAll(t, 40)).toEqual(bytes)
    await expect(readAll(t, 39)).rejects.toMatchObject({ code: 'file/resource-bomb' })
  })

  it('stop coming when they are no longer wanted', async () => {
    const abort = new AbortController()
    const t = tensor('uint8', [100], [whole(memorySource('f', numbered(100)), [100])])
    const blocks = readBlocks(t, { blockBytes: 10, signal: abort.signal })
    await blocks.next()
    abort.abort()
    await expect(blocks.next()).rejects.toMatchObject({ code: 'cancelled' })
  })
})

describe('a tensor that lies about its values', () => {
  const source = memorySource('small.bin', numbered(64))

  async function refusal(t: Tensor): Promise<string> {
    const error = await collect(t).then(
      () => undefined,
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(AssayError)
    return (error as AssayError).code
  }

  it('has none stored', async () => {
    expect(await refusal(tensor('float32', [2, 2], []))).toBe('weights/placeholder')
  })

  it('reaches beyond its source', async () => {
    expect(await refusal(tensor('float32', [17], [whole(source, [17])]))).toBe('file/truncated')
    expect(await refusal(tensor('float32', [2 ** 40], [whole(source, [2 ** 40])]))).toBe('file/truncated')
    expect(await refusal(tensor('float32', [4, 4], [whole(source, [4, 4], { strides: [5, 1] })]))).toBe(
      'file/truncated',
    )
    expect(await refusal(tensor('float32', [16], [whole(source, [16], { offset: 4 })]))).toBe('file/truncated')
    expect(await refusal(tensor('float32', [2 ** 32, 2 ** 32], [whole(source, [2 ** 32, 2 ** 32])]))).toBe(
      'file/truncated',
    )
  })

  it('walks backwards, or counts in fractions', async () => {
    expect(await refusal(tensor('uint8', [4], [whole(source, [4], { offset: 8, strides: [-1] })]))).toBe(
      'file/bad-header',
    )
    expect(await refusal(tensor('uint8', [4], [whole(source, [4], { offset: -1 })]))).toBe('file/bad-header')
    expect(await refusal(tensor('uint8', [4], [whole(source, [4], { strides: [0.5] })]))).toBe('file/bad-header')
  })

  it('expands a few bytes to more than anyone can read', async () => {
    const shape = [2 ** 20, 2 ** 20]
    expect(await refusal(tensor('float32', shape, [whole(source, shape, { strides: [0, 0] })]))).toBe(
      'file/resource-bomb',
    )
  })

  it('is cut in pieces that leave a hole, overlap, or lie outside', async () => {
    const piece = (start: number, extent: number) => whole(source, [extent], { start: [start] })
    expect(await refusal(tensor('uint8', [10], [piece(0, 4), piece(6, 4)]))).toBe('weights/missing-shard')
    expect(await refusal(tensor('uint8', [10], [piece(0, 5), piece(4, 5)]))).toBe('file/bad-header')
    expect(await refusal(tensor('uint8', [10], [piece(0, 5), piece(6, 5)]))).toBe('file/bad-header')
    expect(await refusal(tensor('uint8', [2, 5], [whole(source, [10])]))).toBe('file/bad-header')
  })
})

describe('the first values', () => {
  const path = fileURLToPath(new URL('../../golden/README.md', import.meta.url))
  const [file, memory] = [openFile(path), memorySource('m', readFileSync(path))]
  afterAll(() => file.close())

  it.each([['a file', file] as const, ['memory', memory] as const])(
    'of %s are those that blocks begin with',
    async (_, source) => {
      for (const [shape, room] of [
        [[9, 5], 64],
        [[3], 64],
        [[], 4],
        [[0, 4], 64],
        [[40], 10],
      ] as const) {
        for (const strides of [contiguousStrides(shape), contiguousStrides(shape).map((step) => step * 2)]) {
          const t = tensor('float32', shape, [whole(source, shape, { offset: 3, strides })])
          const first = (await readFirst(t, new Uint8Array(room))).slice()
          expect(first).toEqual(
            (await readAll(t, 2 ** 20)).subarray(0, Math.min(Math.floor(room / 4), numel(shape)) * 4),
          )
        }
      }
    },
  )

  it('are refused as all are', async () => {
    const refused = readFirst(tensor('uint8', [4], [whole(file, [4], { offset: file.size - 3 })]), new Uint8Array(2))
    await expect(refused).rejects.toMatchObject({ code: 'file/truncated' })
  })
})
