import { linkSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { pooledKernel } from '../../../../src/core/analysis/pool/kernel'
import { Pool } from '../../../../src/core/analysis/pool/pool'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { openFile } from '../../../../src/core/bytes/file'
import type { DType } from '../../../../src/core/checkpoint/dtype'
import { itemSize } from '../../../../src/core/checkpoint/dtype'
import { contiguousStrides, type Tensor } from '../../../../src/core/checkpoint/tensor'

const folder = mkdtempSync(join(tmpdir(), 'assay-pool-'))
const kernel = pooledKernel(new Pool(2))
afterAll(() => {
  kernel.close()
  rmSync(folder, { recursive: true })
})

/** Bytes of a header that nobody reads: values need not begin at a multiple of their size. */
const BEFORE = 13

function bytesOf(count: number, seed: number): Uint8Array {
  const values = new Float32Array(count)
  for (let i = 0; i < count; i++) values[i] = Math.sin(i * seed) * 0.02
  return new Uint8Array(values.buffer)
}

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name)
  writeFileSync(path, Buffer.concat([Buffer.alloc(BEFORE), bytes]))
  return path
}

function tensorIn(path: string, dtype: DType, count: number): Tensor {
  const shape = [count]
  const block = { source: openFile(path), offset: BEFORE, strides: contiguousStrides(shape), start: [0], shape }
  return { name: path, dtype, shape, file: path, component: 'weights', blocks: [block] }
}

const COUNT = 9_000_001
const [x, y] = [bytesOf(COUNT, 1), bytesOf(COUNT, 1.0001)]
const [a, b] = [written('a', x), written('b', y)]

describe('the kernel that reads for itself', () => {
  it('measures and compares large tensors in threads as the reference does', async () => {
    const heard: number[] = []
    const found = await kernel.comparisonOf?.(tensorIn(a, 'float32', COUNT), tensorIn(b, 'float32', COUNT), {
      onBytes: (bytes) => heard.push(bytes),
    })
    const wanted = referenceKernel.comparison('float32', 'float32')
    wanted.update(x, y)
    const { changed, maxAbs, rms, relL2 } = wanted.result()
    expect(found).toMatchObject({ count: COUNT, changed, maxAbs })
    expect(found?.rms).toBeCloseTo(rms, 12)
    expect(found?.relL2).toBeCloseTo(relL2 ?? 0, 12)
    expect(heard.length).toBeGreaterThan(1)
    expect(heard.reduce((sum, bytes) => sum + bytes, 0)).toBe(8 * COUNT)

    const statistics = await kernel.statisticsOf?.(tensorIn(a, 'bfloat16', 2 * COUNT), { exponents: true })
    const expected = referenceKernel.statistics('bfloat16', { exponents: true })
    expected.update(x)
    const { mean: _, std, l2, ...exact } = expected.result()
    expect(statistics).toMatchObject(exact)
    expect((statistics?.l2 ?? 0) / (l2 ?? 1)).toBeCloseTo(1, 9)
    expect((statistics?.std ?? 0) / (std ?? 1)).toBeCloseTo(1, 9)
  })

  it('is the same without threads', async () => {
    const alone = pooledKernel(new Pool(0))
    const tensors = [tensorIn(a, 'float32', COUNT), tensorIn(b, 'float32', COUNT)] as const
    expect(await alone.comparisonOf?.(...tensors, {})).toEqual(await kernel.comparisonOf?.(...tensors, {}))
  })

  it('stops when asked, and leaves no thread busy', async () => {
    const abort = new AbortController()
    const [left, right] = [tensorIn(a, 'float32', COUNT), tensorIn(b, 'float32', COUNT)]
    // one that knows nothing of the files yet
    const work = pooledKernel(kernel.pool).comparisonOf?.(left, right, {
      signal: abort.signal,
      onBytes: () => abort.abort(),
    })
    await expect(work).rejects.toMatchObject({ code: 'cancelled' })
    expect(kernel.pool.busy).toBe(0)
    await expect(kernel.statisticsOf?.(left, { signal: abort.signal })).rejects.toMatchObject({ code: 'cancelled' })
    expect(await kernel.statisticsOf?.(left, {})).toMatchObject({ count: COUNT })
  })

  it('reads nothing where both sides are the same bytes, under whatever name', async () => {
    const link = join(folder, 'link')
    linkSync(a, link)
    let heard = 0
    const found = await kernel.comparisonOf?.(tensorIn(a, 'float32', COUNT), tensorIn(link, 'float32', COUNT), {
      onBytes: (bytes) => {
        heard += bytes
      },
    })
    expect(found).toMatchObject({ count: COUNT, changed: 0, relL2: 0, cosine: 1 })
    expect(heard).toBe(0)
  })

  it('tells two files of the same bytes apart from two that differ in one value, wherever it is', async () => {
    const copy = tensorIn(written('copy', x), 'float32', COUNT)
    const heard: number[] = []
    const onBytes = (bytes: number) => heard.push(bytes)
    expect(await kernel.comparisonOf?.(tensorIn(a, 'float32', COUNT), copy, { onBytes })).toMatchObject({
      count: COUNT,
      changed: 0,
      relL2: 0,
      cosine: 1,
    })
    expect(heard.reduce((sum, bytes) => sum + bytes, 0)).toBe(8 * COUNT)
    for (const at of [0, 70_000, 5_000_000, COUNT - 1]) {
      const other = x.slice()
      new DataView(other.buffer).setFloat32(4 * at, 1, true)
      const found = await kernel.comparisonOf?.(
        tensorIn(a, 'float32', COUNT),
        tensorIn(written(`one-${at}`, other), 'float32', COUNT),
        {},
      )
      const wanted = referenceKernel.comparison('float32', 'float32')
      wanted.update(x, other)
      const { count, changed, maxAbs, rms, relL2, cosine } = wanted.result()
      expect(found).toMatchObject({ count, changed, maxAbs })
      expect((found?.rms ?? 0) / rms).toBeCloseTo(1, 9)
      expect((found?.relL2 ?? 0) / (relL2 ?? 1)).toBeCloseTo(1, 9)
      expect(found?.cosine).toBeCloseTo(cosine ?? 0, 12)
    }
  })

  it('reads nothing to compare large files again, or with their sides exchanged, until one has changed', async () => {
    const [left, right] = [written('left', x), written('right', y)]
    const compare = async (from: string, to: string, tolerance?: { atol: number; rtol: number }) => {
      let heard = 0
      const found = await kernel.comparisonOf?.(tensorIn(from, 'float32', COUNT), tensorIn(to, 'float32', COUNT), {
        ...(tolerance && { tolerance }),
        onBytes: (bytes) => {
          heard += bytes
        },
      })
      return { found, heard }
    }
    const { found: first } = await compare(left, right)
    expect(await compare(left, right)).toEqual({ found: first, heard: 0 })
    const turned = await compare(right, left)
    expect(turned.heard).toBe(0)
    const wanted = referenceKernel.comparison('float32', 'float32')
    wanted.update(y, x)
    const { relL2, cosine, rms, meanAbs, ...exact } = wanted.result()
    expect(turned.found).toMatchObject(exact)
    expect(turned.found?.relL2).toBeCloseTo(relL2 ?? 0, 9)
    expect(turned.found?.relL2).not.toBe(first?.relL2)

    // a relative tolerance goes by the left side
    await compare(left, right, { atol: 0, rtol: 1e-3 })
    expect((await compare(right, left, { atol: 0, rtol: 1e-3 })).heard).toBeGreaterThan(0)
    written('left', y)
    expect(await compare(left, right)).toMatchObject({ found: { changed: 0 } })
  })

  it('leaves views, and dtypes without kernels, to be read block by block', async () => {
    const plain = tensorIn(a, 'float32', 100)
    const strided = { ...plain, blocks: plain.blocks.map((block) => ({ ...block, strides: [2] })) }
    expect(await kernel.statisticsOf?.(strided, {})).toBeUndefined()
    expect(await kernel.statisticsOf?.({ ...plain, dtype: 'complex64' }, {})).toBeUndefined()
    expect(await kernel.comparisonOf?.(plain, strided, {})).toBeUndefined()
  })

  it.each([100, COUNT])('tells of a file that shrank or changed while it was open, of %d values', async (count) => {
    const bytes = x.subarray(0, count * itemSize('float32'))
    const shrunk = tensorIn(written(`shrunk-${count}`, bytes), 'float32', count)
    truncateSync(shrunk.name, 200)
    await expect(kernel.statisticsOf?.(shrunk, {})).rejects.toMatchObject({ code: 'file/changed' })
    const changed = tensorIn(written(`changed-${count}`, bytes), 'float32', count)
    await new Promise((resolve) => setTimeout(resolve, 20))
    written(`changed-${count}`, bytes)
    await expect(kernel.statisticsOf?.(changed, {})).rejects.toMatchObject({ code: 'file/changed' })
    expect(kernel.pool.busy).toBe(0)
  })

  it('refuses a tensor that reaches beyond its file', async () => {
    await expect(kernel.statisticsOf?.(tensorIn(a, 'float32', COUNT + 1), {})).rejects.toMatchObject({
      code: 'file/truncated',
    })
  })
})
