import { describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import type { TrainingState } from '../../../src/core/checkpoint/checkpoint'
import type { Tensor } from '../../../src/core/checkpoint/tensor'
import { type DiffOptions, type DiffReport, diff } from '../../../src/core/diff/diff'
import { finding } from '../../../src/core/finding'
import { checkpoint, floats, weights } from './checkpoints'

type Side = readonly [readonly Tensor[], Partial<TrainingState>?]
const compared = ([a, stateA]: Side, [b, stateB]: Side, options: Partial<DiffOptions> = {}) =>
  diff(checkpoint(a, stateA), checkpoint(b, stateB, { path: '/later', name: 'later' }), { kernel, ...options })

const many = (name: string, changed: number) =>
  floats(
    name,
    Array.from({ length: 100 }, (_, i) => (i < changed ? 2 : 1)),
  )

describe('what differences mean together', () => {
  it('is that nothing was trained when the step went on and no parameter moved', async () => {
    const { conclusions } = await compared([[many('w', 0)], { step: 10 }], [[many('w', 0)], { step: 20 }])
    expect(conclusions).toMatchObject([{ kind: 'nothing-trained', text: expect.stringContaining('from 10 to 20') }])
    expect((await compared([[many('w', 0)]], [[many('w', 0)]])).conclusions).toEqual([])
  })

  it('is that parameters are frozen when others moved; counts and running averages are no parameters', async () => {
    const count = weights('bn.num_batches_tracked', 'int64', [1], new Uint8Array(8))
    const a = [many('still', 0), many('w', 0), many('bn.running_mean', 0), count]
    const { conclusions } = await compared([a], [[many('still', 0), many('w', 100), ...a.slice(2)]])
    expect(conclusions).toMatchObject([{ kind: 'frozen', tensors: ['still'] }])
  })

  it('is nothing of 16-bit weights that a small step of their masters leaves as they are', async () => {
    const half = (name: string) => weights(name, 'bfloat16', [100], new Uint8Array(200), { requiresGrad: false })
    const master = (name: string, changed: number, more: Partial<Tensor>) => ({ ...many(name, changed), ...more })
    const kinds = async (first: Tensor, second: Tensor) => {
      const model = [half('model.w'), many('norm.bias', 0)]
      const report = await compared([[...model, first]], [[half('model.w'), many('norm.bias', 1), second]])
      return report.conclusions.map(({ kind }) => kind)
    }
    const inOptimizer = { component: 'optimizer' as const, requiresGrad: true }
    expect(await kinds(master('fp32.0.0', 0, inOptimizer), master('fp32.0.0', 100, inOptimizer))).toEqual([])
    expect(await kinds(master('masters.model.w', 0, {}), master('masters.model.w', 100, {}))).toEqual([])
    // Moments are no masters.
    const moment = { component: 'optimizer' as const }
    expect(await kinds(master('state.0.exp_avg', 0, moment), master('state.0.exp_avg', 9, moment))).toEqual(['frozen'])
  })

  it('tells where NaN came in, and what was only rounded', async () => {
    const { conclusions } = await compared(
      [[floats('w', [1, 2]), floats('r', [1, 1 / 3])]],
      [[floats('w', [1, NaN]), weights('r', 'bfloat16', [2], Uint8Array.of(0x80, 0x3f, 0xab, 0x3e))]],
    )
    expect(conclusions.map(({ kind, tensors }) => [kind, tensors])).toEqual([
      ['broke', ['w']],
      ['cast', ['r']],
    ])
  })
})

describe('what looks like a difference and is none', () => {
  const kinds = ({ conclusions }: DiffReport) => conclusions.map(({ kind, text, tensors }) => [kind, text, tensors])
  const grid = Array.from({ length: 12 }, (_, i) => Math.sin(i + 1))

  it('is a tensor flattened or transposed: its values are found in the other order', async () => {
    const columns = Array.from({ length: 12 }, (_, i) => grid[(i % 3) * 4 + Math.floor(i / 3)] as number)
    const a = ['flat', 'turned', 'other'].map((name) => floats(name, grid, { shape: [3, 4] }))
    const b = [
      floats('flat', grid),
      floats('turned', columns, { shape: [4, 3] }),
      floats('other', [...grid].reverse(), { shape: [4, 3] }),
    ]
    const report = await compared([a], [b])
    expect(kinds(report)).toEqual([
      ['reshaped', '1 tensor is flattened in later, with the same values: flat', ['flat']],
      ['reshaped', '1 tensor is transposed, with the same values: turned', ['turned']],
    ])
    expect(report.tensors).toMatchObject([{ changed: 0 }, { changed: 0 }, { changed: null }])
    expect(report.summary).toMatchObject({ shape: 3, same: 0 })
  })

  it('is a tied tensor that safetensors leaves out', async () => {
    const wte = floats('wte', grid)
    const report = await compared([[wte]], [[wte, { ...wte, name: 'lm_head' }, floats('new', grid)]])
    expect(kinds(report)).toEqual([
      ['tied', 'lm_head is only in later and tied to wte there: the same bytes under two names', ['lm_head']],
    ])
  })

  it('is a rounding that leaves zeros as they were: nobody calls them frozen', async () => {
    const zeros = new Uint8Array(4)
    const halves = Uint8Array.of(0x80, 0x3f, 0xab, 0x3e)
    const a = [floats('bias', [0, 0]), floats('w', [1, 1 / 3])]
    const report = await compared(
      [a],
      [[weights('bias', 'bfloat16', [2], zeros), weights('w', 'bfloat16', [2], halves)]],
    )
    expect(report.conclusions.map(({ kind }) => kind)).toEqual(['cast'])
  })

  it('is a renaming, told by what it does to all names', async () => {
    const a = [floats('net.h.w', grid), floats('net.h.v', grid.map(Math.exp))]
    const b = a.map((tensor) => ({ ...tensor, name: tensor.name.replace('net.h.', 'decoder.') }))
    expect(kinds(await compared([a], [b]))).toEqual([
      ['moved', '2 tensors have another name and the same values: net.h.* is now decoder.*', ['net.h.w', 'net.h.v']],
    ])
  })

  it('is a renaming by whole parts of names, also of what had none before', async () => {
    const a = [floats('h.w', grid), floats('h.v', grid.map(Math.exp))]
    const b = a.map((tensor) => ({ ...tensor, name: `oh.${tensor.name}` }))
    const c = a.map((tensor) => ({ ...tensor, name: `o${tensor.name}` }))
    expect((await compared([a], [b])).conclusions[0]?.text).toContain('same values: * is now oh.*')
    expect((await compared([a], [c])).conclusions[0]?.text).toContain('same values: h.* is now oh.*')
    const twoWays = [c[0], b[1]].flatMap((tensor) => tensor ?? [])
    expect((await compared([a], [twoWays])).conclusions[0]?.text).toContain('same values: h.w, h.v')
  })

  it('is a state dict, whose tensors never ask for gradients: it is told that nothing was trained', async () => {
    const saved = { ...many('w', 0), requiresGrad: false }
    const { conclusions } = await compared([[saved], { step: 1 }], [[saved], { step: 5 }])
    expect(conclusions).toMatchObject([{ kind: 'nothing-trained' }])
  })
})

describe('a side that is damaged', () => {
  it('is told first, with what cannot be read of it', async () => {
    const whole = checkpoint([many('w', 0)])
    const missing = finding('weights/missing-shard', 'b.safetensors', 'b.safetensors is missing.')
    const cut = checkpoint(
      [{ ...many('w', 0), blocks: [] }],
      {},
      { path: '/runs/other/somewhere', findings: [missing] },
    )
    const { conclusions } = await diff({ ...whole, path: '/runs/one/somewhere' }, cut, { kernel })
    expect(conclusions).toMatchObject([
      { kind: 'damaged', text: 'other/somewhere is damaged: b.safetensors is missing' },
      { kind: 'unread', tensors: ['w'] },
    ])
    const named = await diff(whole, { ...cut, name: 'step-20' }, { kernel })
    expect(named.conclusions[0]?.text).toBe('step-20 is damaged: b.safetensors is missing')
    const [once, ...others] = (await diff(cut, cut, { kernel })).conclusions
    expect(once?.text).toBe('somewhere is damaged: b.safetensors is missing')
    expect(others).toMatchObject([{ kind: 'unread' }])
  })
})

describe('a difference', () => {
  it('is none, sparse or dense', async () => {
    const names = ['none', 'few', 'most']
    const { tensors } = await compared(
      [names.map((name) => many(name, 0))],
      [[many('none', 0), many('few', 10), many('most', 11)]],
    )
    expect(tensors.map(({ anatomy }) => anatomy)).toEqual(['unchanged', 'sparse', 'dense'])
  })

  it('within the tolerance is none, in weights and in moments, and still counted', async () => {
    const tolerance = { atol: 0.01, rtol: 0.1 }
    const a = [floats('w', [10, 0]), floats('step.exp_avg', [1], { component: 'optimizer' })]
    const near = [floats('w', [11, 0.01]), floats('step.exp_avg', [1.1], { component: 'optimizer' })]
    const report = await compared([a], [near], { tolerance })
    expect(report).toMatchObject({ identical: true, state: [], tensors: [{ status: 'same', changed: 2, beyond: 0 }] })
    const far = await compared([a], [[floats('w', [11.2, NaN]), ...near.slice(1)]], { tolerance })
    expect(far.tensors).toMatchObject([{ status: 'changed', changed: 2, beyond: 2, becameNan: 1 }])
  })

  it('is told in representable values when asked for', async () => {
    const sides: [Side, Side] = [[[floats('w', [1, -1e-45])]], [[floats('w', [1 + 2 ** -23, 1e-45])]]]
    expect((await compared(...sides, { ulp: true })).tensors).toMatchObject([{ maxUlp: 2 }])
    expect((await compared(...sides)).tensors[0]?.maxUlp).toBeUndefined()
  })

  it('adds up along the modules', async () => {
    const { modules } = await compared(
      [[many('h.0.w', 0), many('h.1.w', 0), many('gone', 0)]],
      [[many('h.0.w', 50), many('h.1.w', 0)]],
    )
    expect(modules).toMatchObject([
      { name: '', tensors: 3, differing: 2, count: 200, changed: 50, maxAbs: 1, rms: 0.5 },
      { name: 'h', tensors: 2, differing: 1, rms: 0.5 },
      { name: 'h.0', tensors: 1, differing: 1, rms: Math.sqrt(0.5) },
      { name: 'h.1', tensors: 1, differing: 0, changed: 0, rms: 0 },
    ])
  })
})
