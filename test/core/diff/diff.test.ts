import { truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import { openFile } from '../../../src/core/bytes/file'
import { type ByteSource, memorySource } from '../../../src/core/bytes/source'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import { diff } from '../../../src/core/diff/diff'
import type { DiffRow } from '../../../src/core/diff/row'
import { scratchFolders } from '../bytes/scratch'
import { checkpoint, floats, weights } from './checkpoints'

const scratch = scratchFolders()

describe('a diff of two checkpoints', () => {
  it('gives every tensor its status and measures', async () => {
    const a = checkpoint([
      floats('same', [1, NaN, 0]),
      floats('changed', [3, 4]),
      floats('reshaped', [1, 2, 3, 4]),
      floats('resized', [1, 2, 3, 4]),
      floats('narrowed', [1, 1 / 3]),
      floats('dropped', [1]),
    ])
    const bf16 = Uint8Array.of(0x80, 0x3f, 0xab, 0x3e) // 1 and 0.333984375
    const b = checkpoint([
      floats('same', [1, NaN, -0]),
      floats('changed', [3, 4.5]),
      floats('reshaped', [1, 2, 3, 4], { shape: [2, 2] }),
      floats('resized', [1, 2, 3]),
      weights('narrowed', 'bfloat16', [2], bf16),
      floats('added', [1]),
    ])
    const seen: DiffRow[] = []
    const report = await diff(a, b, { kernel, onRow: (row) => seen.push(row) })
    expect(report).toMatchObject({ identical: false, state: [] })
    expect(report.summary).toEqual({ same: 1, changed: 1, unread: 0, onlyA: 1, onlyB: 1, shape: 2, dtype: 1, moved: 0 })
    expect(report.tensors).toMatchObject([
      { name: 'same', status: 'same', count: 3, changed: 0, maxAbs: 0, cosine: 1 },
      { name: 'changed', status: 'changed', changed: 1, maxAbs: 0.5, meanAbs: 0.25, rms: Math.sqrt(0.125), relL2: 0.1 },
      { name: 'reshaped', status: 'shape', shapeA: [4], shapeB: [2, 2], reading: 'flat', changed: 0, maxAbs: 0 },
      { name: 'resized', status: 'shape', shapeA: [4], shapeB: [3], changed: null, maxAbs: null },
      { name: 'narrowed', status: 'dtype', dtypeA: 'float32', dtypeB: 'bfloat16', changed: 1 },
      { name: 'dropped', status: 'onlyA', shapeA: [1], cosine: null },
      { name: 'added', status: 'onlyB', shapeB: [1], cosine: null },
    ])
    expect(seen).toEqual(report.tensors)
  })

  it('of equal checkpoints is identical, unless their training states differ', async () => {
    const tensors = [floats('w', [1, 2]), floats('empty', [])]
    expect(await diff(checkpoint(tensors), checkpoint([...tensors]), { kernel })).toMatchObject({
      identical: true,
      summary: { same: 2 },
    })
    const report = await diff(checkpoint(tensors, { step: 1 }), checkpoint(tensors, { step: 2 }), { kernel })
    expect(report).toMatchObject({ identical: false, summary: { same: 2 }, state: [{ what: 'step', a: 1, b: 2 }] })
  })

  it('reads the same bytes of one open file once, and different ones from both', async () => {
    let read = 0
    const memory = memorySource('m', new Uint8Array(8192))
    const source: ByteSource = {
      ...memory,
      async read(_, target) {
        read += target.length
      },
    }
    const half = (name: string, offset: number) => ({
      ...floats(name, []),
      shape: [1024],
      blocks: [{ source, offset, strides: [1], start: [0], shape: [1024] }],
    })
    await diff(checkpoint([half('w', 0)]), checkpoint([half('w', 0)]), { kernel })
    expect(read).toBe(4096)
    await diff(checkpoint([half('w', 0)]), checkpoint([half('w', 4096)]), { kernel })
    expect(read).toBe(4096 + 8192)
  })

  it('compares blocks of two dtypes element by element, and a transposed view with a plain one', async () => {
    const values = Float64Array.from({ length: 300_000 }, (_, i) => i)
    const wide = weights('w', 'float64', [300_000], new Uint8Array(values.buffer))
    const narrow = floats('w', [...values])
    expect((await diff(checkpoint([wide]), checkpoint([narrow]), { kernel })).tensors[0]).toMatchObject({
      status: 'dtype',
      count: 300_000,
      changed: 0,
    })
    const shape = [500, 600]
    const plain = floats('w', [...values], { shape })
    const columns = Array.from({ length: 300_000 }, (_, i) => (i % 500) * 600 + Math.floor(i / 500))
    const stored = floats('w', columns, { shape })
    const transposed = { ...stored, blocks: stored.blocks.map((block) => ({ ...block, strides: [1, 500] })) }
    expect(await diff(checkpoint([plain]), checkpoint([transposed]), { kernel })).toMatchObject({ identical: true })
  })

  it('goes on past a tensor that cannot be read, and says why', async () => {
    const lost = { ...floats('lost', [1, 2]), blocks: [] }
    const short = { ...floats('short', [1, 2]), shape: [3], blocks: floats('short', [1, 2]).blocks }
    const a = checkpoint([lost, short, floats('w', [1])])
    const b = checkpoint([floats('lost', [1, 2]), floats('short', [1, 2, 3]), floats('w', [1])])
    const report = await diff(a, b, { kernel })
    expect(report.identical).toBe(false)
    expect(report.tensors).toMatchObject([
      { name: 'lost', status: 'unread', changed: null, note: expect.stringContaining('no values') },
      { name: 'short', status: 'unread', changed: null, note: expect.stringContaining('short') },
      { name: 'w', status: 'same' },
    ])
    const packed = weights('w', 'float4_e2m1fn_x2', [1], Uint8Array.of(0))
    expect((await diff(checkpoint([packed]), checkpoint([floats('w', [0])]), { kernel })).tensors[0]).toMatchObject({
      status: 'dtype',
      changed: null,
      note: expect.stringContaining('float4'),
    })
  })

  it('does not go on where a file has changed since it was opened', async () => {
    const folder = scratch()
    const sides = ['a', 'b'].map((name) => {
      writeFileSync(join(folder, name), new Uint8Array(400))
      const source = openFile(join(folder, name), name)
      const block = { source, offset: 0, strides: [1], start: [0], shape: [100] }
      return checkpoint([{ ...floats('w', new Array(100).fill(0)), blocks: [block] }, floats('x', [1])])
    }) as [Checkpoint, Checkpoint]
    truncateSync(join(folder, 'b'), 300)
    await expect(diff(...sides, { kernel })).rejects.toMatchObject({
      code: 'file/changed',
      message: 'b shrank from 400 to 300 bytes while it was open',
    })
  })

  it('tells how many bytes it has compared of how many, and stops when asked', async () => {
    const many = () => checkpoint([floats('x', Array(300_000).fill(1)), floats('y', [1]), floats('z', [1, 2])])
    const heard: [number, number, string][] = []
    await diff(many(), many(), { kernel, onProgress: (...progress) => heard.push(progress) })
    expect(heard.at(-1)).toEqual([2_400_024, 2_400_024, 'z'])
    expect(heard.every(([done], i) => i === 0 || done > (heard[i - 1]?.[0] ?? 0))).toBe(true)

    const abort = new AbortController()
    const stopped = diff(many(), many(), { kernel, signal: abort.signal, onProgress: () => abort.abort() })
    await expect(stopped).rejects.toMatchObject({ code: 'cancelled' })
  })

  it('compares only the names asked for', async () => {
    const a = checkpoint([floats('a.w', [1]), floats('b.w', [1])])
    const report = await diff(a, a, { kernel, filter: (name) => name.startsWith('b') })
    expect(report.tensors.map(({ name }) => name)).toEqual(['b.w'])
    await expect(diff(a, a, { kernel, filter: () => false })).rejects.toMatchObject({ code: 'usage' })
  })
})
