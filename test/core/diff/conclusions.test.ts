import { describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import type { TrainingState } from '../../../src/core/checkpoint/checkpoint'
import type { Tensor } from '../../../src/core/checkpoint/tensor'
import { type DiffOptions, diff } from '../../../src/core/diff/diff'
import { checkpoint, floats, weights } from './checkpoints'

type Side = readonly [readonly Tensor[], Partial<TrainingState>?]
const compared = ([a, stateA]: Side, [b, stateB]: Side, options: Partial<DiffOptions> = {}) =>
  diff(checkpoint(a, stateA), checkpoint(b, stateB), { kernel, ...options })

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
