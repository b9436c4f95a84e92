import { describe, expect, test } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import type { OptimizerState } from '../../../../src/core/checkpoint/checkpoint'
import type { Rule } from '../../../../src/core/verify/rule'
import { allZero } from '../../../../src/core/verify/rules/all-zero'
import { negativeSecondMoment } from '../../../../src/core/verify/rules/negative-second-moment'
import { negativeVariance } from '../../../../src/core/verify/rules/negative-variance'
import { nonFinite } from '../../../../src/core/verify/rules/non-finite'
import { replicated } from '../../../../src/core/verify/rules/replicated'
import { tiedDiffers } from '../../../../src/core/verify/rules/tied-differs'
import { zeroMoments } from '../../../../src/core/verify/rules/zero-moments'
import { zeroRun } from '../../../../src/core/verify/rules/zero-run'
import { Values } from '../../../../src/core/verify/values'
import { type CheckpointSpec, checkpointOf, findingsOf, type TensorSpec, tensorOf } from '../handmade'

const wave = (n: number) => Array.from({ length: n }, (_, i) => Math.sin(i + 1))
const find = (rule: Rule, tensors: TensorSpec[], more: Partial<CheckpointSpec> = {}) =>
  findingsOf(rule, checkpointOf({ tensors, ...more }))

test('a variance that is negative is told, a mean may be', async () => {
  const norm = (least: number) =>
    ['mean', 'var'].map((what) => ({ name: `bn.running_${what}`, shape: [2], values: [1, least] }))
  expect(await find(negativeVariance, norm(-0.5))).toMatchObject([
    { rule: 'weights/negative-variance', severity: 'error', subject: 'bn.running_var', evidence: { min: -0.5 } },
  ])
  expect(await find(negativeVariance, norm(0))).toEqual([])
})

describe('values that are not finite', () => {
  const values = [1, Number.NaN, Number.NEGATIVE_INFINITY, 4]

  test('spoil a parameter, and a moment', async () => {
    const weight = { name: 'fc.weight', shape: [2, 2], values }
    expect(await find(nonFinite, [weight])).toMatchObject([
      { rule: 'weights/non-finite', severity: 'error', evidence: { nan: 1, inf: 1, count: 4 } },
    ])
    expect(await find(nonFinite, [{ ...weight, name: 'state.0.exp_avg', component: 'optimizer' }])).toMatchObject([
      { rule: 'optimizer/non-finite', severity: 'error' },
    ])
  })

  test('are the purpose of a mask, and may be of a tensor with a name of its own', async () => {
    expect(await find(nonFinite, [{ name: 'attn.causal_mask', shape: [4], values }])).toEqual([])
    expect(await find(nonFinite, [{ name: 'special', shape: [4], values }])).toMatchObject([{ severity: 'warning' }])
  })
})

describe('zeros in a row', () => {
  const withZeros = (rows: number, width: number, from: number, to: number) => {
    const values = wave(rows * width)
    values.fill(0, from, to)
    return { shape: [rows, width], values }
  }

  test('inside a dense matrix are told with their place', async () => {
    const [found] = await find(zeroRun, [{ name: 'fc.weight', ...withZeros(64, 64, 1000, 3000) }])
    expect(found).toMatchObject({ evidence: { start: 1000, length: 2000, bytes: 8000 } })
    expect(found?.message).toContain('rows 15 to 46')
  })

  test('in the middle of an embedding are told when they are many rows', async () => {
    expect(await find(zeroRun, [{ name: 'embed.weight', ...withZeros(128, 64, 2048, 4096) }])).toHaveLength(1)
    expect(await find(zeroRun, [{ name: 'embed.weight', ...withZeros(64, 2048, 2048, 4096) }])).toEqual([])
  })

  test('at the end of an embedding are padding', async () => {
    expect(await find(zeroRun, [{ name: 'embed.weight', ...withZeros(128, 64, 4096, 8192) }])).toEqual([])
  })

  test('in a sparse matrix, or shorter than a page, are nothing', async () => {
    const sparse = withZeros(64, 64, 1000, 3000)
    for (let i = 0; i < sparse.values.length; i += 3) sparse.values[i] = 0
    expect(await find(zeroRun, [{ name: 'fc.weight', ...sparse }])).toEqual([])
    expect(await find(zeroRun, [{ name: 'fc.weight', ...withZeros(64, 64, 1000, 1900) }])).toEqual([])
  })
})

describe('a matrix of one value', () => {
  const same = (name: string, value: number): TensorSpec => ({ name, shape: [8, 8], values: new Array(64).fill(value) })

  test('is told', async () => {
    expect(await find(allZero, [same('fc.weight', 0)])).toMatchObject([
      { rule: 'weights/all-zero', severity: 'warning' },
    ])
    expect(await find(allZero, [same('fc.weight', 1)])).toMatchObject([{ rule: 'weights/constant', severity: 'info' }])
  })

  test('is an error where no matrix is anything else', async () => {
    const severities = async (tensors: TensorSpec[]) => (await find(allZero, tensors)).map(({ severity }) => severity)
    expect(await severities([same('a.weight', 0), same('b.weight', 0)])).toEqual(['error', 'error'])
    expect(await severities([same('a.weight', 0), { name: 'b.weight', shape: [8, 8], values: wave(64) }])).toEqual([
      'warning',
    ])
  })

  test('is an error where the optimizer has trained it', async () => {
    const moment = (value: number) =>
      tensorOf({ name: 'state.0.exp_avg', shape: [8, 8], values: new Array(64).fill(value) })
    const zero = async (value: number, group: object = { lr: 0.1 }, step = 8) => {
      const optimizer: OptimizerState = {
        file: 'optimizer.pt',
        step,
        groups: [{ params: [0, 1], names: ['fc.weight', 'b.weight'], hyper: {}, ...group }],
        parameters: [{ key: 0, tensors: { exp_avg: moment(value) }, scalars: {} }],
      }
      const others = [same('fc.weight', 0), { name: 'b.weight', shape: [8, 8], values: wave(64) }]
      return (await find(allZero, others, { state: { step, optimizers: [optimizer] } })).map(({ severity }) => severity)
    }
    expect(await zero(1)).toEqual(['error'])
    expect(await zero(0)).toEqual(['warning'])
    expect(await zero(1, { lr: 0, initialLr: 0 })).toEqual(['warning'])
    expect(await zero(1, { lr: 0, initialLr: 0.1 })).toEqual(['error'])
    expect(await zero(1, { lr: 0.1 }, 1)).toEqual(['warning'])
  })

  test('is in order where training begins at zero', async () => {
    expect(await find(allZero, [same('q_proj.lora_B.weight', 0), same('controlnet.zero_convs.weight', 0)])).toEqual([])
    expect(await find(allZero, [same('fc.weight', 0)], { state: { step: 0 } })).toEqual([])
    expect(await find(allZero, [{ name: 'fc.bias', shape: [64], values: new Array(64).fill(0) }])).toEqual([])
  })
})

describe('copies', () => {
  const config = { model_type: 'llama', hidden_size: 4, num_attention_heads: 2, vocab_size: 8 }
  const name = 'model.layers.0.self_attn.q_proj.weight'

  test('that are equal are told with the shape of one', async () => {
    const values = [...wave(16), ...wave(16), ...wave(16)]
    expect(await find(replicated, [{ name, shape: [48], values }], { config })).toMatchObject([
      { evidence: { times: 3, shape: [4, 4] } },
    ])
  })

  test('that differ are none', async () => {
    expect(await find(replicated, [{ name, shape: [48], values: wave(48) }], { config })).toEqual([])
  })

  test('of a norm are not looked for: ones repeat themselves', async () => {
    const norm = { name: 'adapter.norm.weight', shape: [16], values: new Array(16).fill(1) }
    expect(await find(replicated, [norm], { config })).toEqual([])
  })
})

test('a head that differs from the embedding it is tied to is told', async () => {
  const tied = (head: number[]) =>
    find(
      tiedDiffers,
      [
        { name: 'model.embed_tokens.weight', shape: [2, 2], values: [1, 2, 3, 4] },
        { name: 'lm_head.weight', shape: [2, 2], values: head },
      ],
      { config: { tie_word_embeddings: true } },
    )
  expect(await tied([1, 2, 3, 5])).toMatchObject([{ subject: 'lm_head.weight', severity: 'warning' }])
  expect(await tied([1, 2, 3, 4])).toEqual([])
})

test('an embedding that its file no longer holds is no fault of the file of the head', async () => {
  const checkpoint = checkpointOf({
    tensors: [
      { name: 'model.embed_tokens.weight', shape: [2, 2], values: [1, 2], file: 'model-1.bin' },
      { name: 'lm_head.weight', shape: [2, 2], values: [1, 2, 3, 4], file: 'model-2.bin' },
    ],
    config: { tie_word_embeddings: true },
  })
  const values = new Values(checkpoint, referenceKernel)
  const found = []
  for await (const each of tiedDiffers.check({ checkpoint, values })) found.push(each)
  expect([...found, ...values.findings]).toEqual([])
})

test('values that the file no longer holds are no reason to stop', async () => {
  const config = {
    model_type: 'llama',
    hidden_size: 4,
    num_attention_heads: 2,
    vocab_size: 8,
    tie_word_embeddings: true,
  }
  const cut = (name: string, shape: number[]) => ({ name, shape, values: wave(3) })
  const tensors = [
    cut('model.layers.0.self_attn.q_proj.weight', [48]),
    cut('model.embed_tokens.weight', [8, 4]),
    cut('lm_head.weight', [8, 4]),
  ]
  for (const rule of [replicated, tiedDiffers, zeroRun]) expect(await find(rule, tensors, { config })).toEqual([])
})

test('a square below zero is told, a first moment may be negative', async () => {
  const moment = (slot: string) => ({
    name: `state.0.${slot}`,
    component: 'optimizer' as const,
    shape: [2],
    values: [1, -1],
  })
  expect(await find(negativeSecondMoment, [moment('exp_avg_sq')])).toMatchObject([
    { severity: 'error', evidence: { min: -1 } },
  ])
  expect(await find(negativeSecondMoment, [moment('exp_avg')])).toEqual([])
})

describe('second moments', () => {
  const found = (step: number, ...moments: number[][]) => {
    const parameters = moments.map((values, key) => {
      const exp_avg_sq = tensorOf({ name: `state.${key}.exp_avg_sq`, shape: [4], values, component: 'optimizer' })
      return { key, tensors: { exp_avg_sq }, scalars: {} }
    })
    return find(zeroMoments, [], { state: { optimizers: [{ file: 'optimizer.pt', groups: [], parameters, step }] } })
  }
  const zeros = [0, 0, 0, 0]

  test('that are zero everywhere after steps are told', async () => {
    expect(await found(8, zeros, zeros)).toMatchObject([
      { rule: 'optimizer/empty-state', subject: 'optimizer.pt', evidence: { parameters: 2, step: 8 } },
    ])
  })

  test('may be zero of a parameter, and before the first step', async () => {
    expect(await found(8, zeros, [0, 0, 0, 1])).toEqual([])
    expect(await found(0, zeros, zeros)).toEqual([])
  })
})
