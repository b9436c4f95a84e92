import { describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import type { Tensor } from '../../../src/core/checkpoint/tensor'
import { type DiffOptions, diff } from '../../../src/core/diff/diff'
import { checkpoint, floats } from './checkpoints'

async function compared(a: readonly Tensor[], b: readonly Tensor[], options: Partial<DiffOptions> = {}) {
  const { summary, tensors, identical, conclusions } = await diff(checkpoint(a), checkpoint(b), { kernel, ...options })
  return { summary, identical, conclusions, rows: tensors.map((row) => [row.name, row.nameB, row.match, row.status]) }
}

/** Between -0.5 and 0.5, the same each time. */
function noise(seed: number, i: number): number {
  const value = Math.sin(seed * 1000 + i * 12.9898) * 43758.5453
  return value - Math.floor(value) - 0.5
}

const drawn = (seed: number, more: Partial<Tensor> = {}, name = 'w') =>
  floats(
    name,
    Array.from({ length: 32 }, (_, i) => noise(seed, i)),
    more,
  )

describe('tensors under another name', () => {
  it('are found without the prefixes of wrappers and heads', async () => {
    const a = [drawn(1, {}, 'module._orig_mod.h.0.w'), drawn(2, {}, 'base_model.model.h.1.w')]
    const b = [drawn(3, {}, 'model.h.0.w'), drawn(2, {}, 'h.1.w')]
    const { rows, summary, identical } = await compared(a, b)
    expect(rows).toEqual([
      ['module._orig_mod.h.0.w', 'model.h.0.w', 'prefix', 'changed'],
      ['base_model.model.h.1.w', 'h.1.w', 'prefix', 'same'],
    ])
    expect(summary).toMatchObject({ same: 1, changed: 1, moved: 2, onlyA: 0, onlyB: 0 })
    expect(identical).toBe(false)
  })

  it('are found by their values, however they are ordered', async () => {
    const a = [drawn(1, {}, 'first'), drawn(2, {}, 'second'), drawn(3, {}, 'gone')]
    const b = [drawn(2, {}, 'zwei'), drawn(1, {}, 'eins'), drawn(9, {}, 'neu'), drawn(8, {}, 'more')]
    const { rows, conclusions } = await compared(a, b)
    expect(rows).toEqual([
      ['first', 'eins', 'content', 'same'],
      ['second', 'zwei', 'content', 'same'],
      ['gone', undefined, undefined, 'onlyA'],
      ['neu', undefined, undefined, 'onlyB'],
      ['more', undefined, undefined, 'onlyB'],
    ])
    expect(conclusions).toContainEqual(expect.objectContaining({ kind: 'moved', tensors: ['first', 'second'] }))
  })

  it('whose values are all one are found only beside others that tell', async () => {
    const ones = (name: string) => floats(name, Array(8).fill(1))
    expect((await compared([ones('a')], [ones('b')])).rows).toEqual([
      ['a', undefined, undefined, 'onlyA'],
      ['b', undefined, undefined, 'onlyB'],
    ])
    const { rows } = await compared([ones('a'), drawn(1, {}, 'w')], [drawn(1, {}, 'v'), ones('b')])
    expect(rows).toEqual([
      ['a', 'b', 'content', 'same'],
      ['w', 'v', 'content', 'same'],
    ])
  })

  it('and trained further are found by how their names end, and by values that still go together', async () => {
    const layer = (name: string, seed: number, moved: number) =>
      floats(
        name,
        Array.from({ length: 128 }, (_, i) => noise(seed, i) + moved * noise(99, i)),
      )
    const bias = (name: string, value: number) => floats(name, Array(4).fill(value))
    const a = [layer('net.h.0.attn.c_attn.w', 1, 0), layer('net.h.1.attn.c_attn.w', 2, 0), bias('net.h.0.ln.b', 0)]
    const b = [bias('decoder.0.ln.b', 0.5), layer('decoder.1.qkv.w', 2, 0.1), layer('decoder.0.qkv.w', 1, 0.1)]
    expect((await compared(a, b)).rows).toEqual([
      ['net.h.0.attn.c_attn.w', 'decoder.0.qkv.w', 'similar', 'changed'],
      ['net.h.1.attn.c_attn.w', 'decoder.1.qkv.w', 'similar', 'changed'],
      ['net.h.0.ln.b', 'decoder.0.ln.b', 'similar', 'changed'],
    ])
    const others = [bias('decoder.0.ln.b', 0.5), layer('decoder.1.qkv.w', 7, 0), layer('decoder.0.qkv.w', 8, 0)]
    expect((await compared(a, others)).summary).toMatchObject({ onlyA: 3, onlyB: 3, moved: 0 })
  })

  it('pair in order where all that is left has the same shapes, and not where one shape differs', async () => {
    const a = [drawn(1, {}, 'p.0'), drawn(2, { shape: [4, 8] }, 'p.1')]
    const b = [drawn(3, {}, 'q.0'), drawn(4, { shape: [4, 8] }, 'q.1')]
    expect((await compared(a, b)).rows).toEqual([
      ['p.0', 'q.0', 'order', 'changed'],
      ['p.1', 'q.1', 'order', 'changed'],
    ])
    expect((await compared(a, [...b].reverse())).summary).toMatchObject({ moved: 0, onlyA: 2, onlyB: 2 })
  })

  it('are called what the user says, whole or from the left up to a dot', async () => {
    const a = [drawn(1, {}, 'encoder.0.w'), drawn(2, {}, 'head'), drawn(3, {}, 'encoders')]
    const b = [drawn(1, {}, 'model.enc.0.w'), drawn(2, {}, 'lm_head'), drawn(3, {}, 'encoders')]
    const renames = new Map([
      ['encoder', 'model.enc'],
      ['head', 'lm_head'],
    ])
    const { rows, identical } = await compared(a, b, { renames })
    expect(rows).toEqual([
      ['encoder.0.w', 'model.enc.0.w', 'rename', 'same'],
      ['head', 'lm_head', 'rename', 'same'],
      ['encoders', undefined, undefined, 'same'],
    ])
    expect(identical).toBe(true)
    const dots = new Map([
      ['encoder.', 'model.enc.'],
      ['head', 'lm_head'],
    ])
    expect((await compared(a, b, { renames: dots })).identical).toBe(true)
    const wrong = compared(a, b, { renames: new Map([['encod', 'model.enc']]) })
    await expect(wrong).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('encod') })
    const bare = await compared([drawn(1, {}, 'net.w')], [drawn(1, {}, 'w')], { renames: new Map([['net', '']]) })
    expect(bare.identical).toBe(true)
    const before = new Map([['', 'net']])
    expect((await compared([drawn(1, {}, 'w')], [drawn(1, {}, 'net.w')], { renames: before })).identical).toBe(true)
  })

  it('that cannot be read stay where they are', async () => {
    const lost = { ...drawn(1, {}, 'lost'), blocks: [] }
    expect((await compared([lost], [drawn(1, {}, 'found')])).summary).toMatchObject({ onlyA: 1, onlyB: 1 })
  })
})
