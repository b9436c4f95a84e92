import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { kindOf } from '../../../../src/core/verify/optimizer/kind'
import { parameterNames } from '../../../../src/core/verify/optimizer/names'
import { casesLike, goldenPath } from '../../../golden/cases'
import { checkpointOf, tensorOf } from '../handmade'

async function named(name: string) {
  const checkpoint = await openCheckpoint(goldenPath(name))
  checkpoint.close()
  const [optimizer] = checkpoint.state.optimizers
  if (!optimizer) throw new Error(`${name} has no optimizer`)
  return { ...parameterNames(checkpoint, optimizer), kind: kindOf(optimizer), optimizer, checkpoint }
}

/** Names of a case by number, as the library that wrote it counted them. */
function orderOf(name: string): [number, string][] {
  const { order } = JSON.parse(readFileSync(join(goldenPath(name, '.'), 'truth.json'), 'utf8'))
  return Object.entries(order ?? {}).map(([key, each]) => [Number(key), String(each)])
}

describe.each(casesLike('optimizer-zoo-').filter((name) => orderOf(name).length > 0))('%s', (name) => {
  test('names no parameter as another, and all where the moments have shapes', async () => {
    const { names, how } = await named(name)
    const truth = new Map(orderOf(name))
    for (const [key, each] of names) expect(truth.get(Number(key))).toBe(each)
    if (how === 'stored' || how === 'order') expect(names.size).toBe(truth.size)
  })
})

describe('an optimizer', () => {
  test('that keeps names is believed', async () => {
    expect(await named('optimizer-zoo-adamw-named')).toMatchObject({ how: 'stored', sure: true, kind: 'AdamW' })
  })

  test('of the Trainer has decayed weights first, in the order in which the model registers them', async () => {
    const { names, how, sure } = await named('trainer-gpt2')
    expect([how, sure]).toEqual(['order', true])
    expect([...names.values()].slice(0, 3)).toEqual([
      'transformer.wte.weight',
      'transformer.wpe.weight',
      'transformer.h.0.attn.c_attn.weight',
    ])
    expect(names.get(10)).toBe('transformer.h.0.ln_1.weight')
    expect(names.size).toBe(28)
  })

  test('of an adapter is named in the order of its layers, as a guess', async () => {
    const { names, how, sure } = await named('trainer-lora')
    expect([how, sure]).toEqual(['order', false])
    expect(names.get(3)).toBe('base_model.model.model.layers.0.self_attn.v_proj.lora_B.weight')
  })

  test('whose parameters fit no order is named only where a shape comes but once', () => {
    const tensors = [
      { name: 'a.weight', shape: [4, 4] },
      { name: 'b.weight', shape: [4, 4] },
      { name: 'c.weight', shape: [8, 4] },
      { name: 'frozen.weight', shape: [2, 2] },
    ]
    const moment = (key: number, shape: number[]) => ({
      key,
      tensors: { exp_avg: tensorOf({ name: `state.${key}.exp_avg`, shape, component: 'optimizer' }) },
      scalars: {},
    })
    const optimizer = {
      file: 'optimizer.pt',
      groups: [{ params: [0, 1, 2], hyper: {} }],
      parameters: [moment(0, [4, 4]), moment(1, [8, 4]), moment(2, [4, 4])],
    }
    const { names, how } = parameterNames(checkpointOf({ tensors, state: { optimizers: [optimizer] } }), optimizer)
    expect(how).toBe('shapes')
    expect([...names]).toEqual([[1, 'c.weight']])
  })

  test('of the Trainer has all that is called a bias among what is not decayed, such as the buckets of T5', () => {
    const tensors = [
      { name: 'SelfAttention.relative_attention_bias.weight', shape: [32, 2] },
      { name: 'DenseReluDense.wo.weight', shape: [16, 32] },
      { name: 'layer_norm.weight', shape: [16] },
    ]
    const shapes = [[16, 32], [32, 2], [16]]
    const optimizer = {
      file: 'optimizer.pt',
      groups: [
        { params: [0], hyper: {} },
        { params: [1, 2], hyper: {} },
      ],
      parameters: shapes.map((shape, key) => ({
        key,
        tensors: { exp_avg: tensorOf({ name: `state.${key}.exp_avg`, shape, component: 'optimizer' }) },
        scalars: {},
      })),
    }
    const { names, how } = parameterNames(checkpointOf({ tensors, state: { optimizers: [optimizer] } }), optimizer)
    expect(how).toBe('order')
    expect([...names.values()]).toEqual([1, 0, 2].map((i) => tensors[i]?.name))
  })

  test('of bitsandbytes is called by its width', () => {
    const state1 = tensorOf({ name: 'state.0.state1', shape: [64, 64], dtype: 'uint8', component: 'optimizer' })
    const optimizer = {
      file: 'optimizer.pt',
      groups: [{ params: [0], hyper: { betas: [0.9, 0.99] } }],
      parameters: [{ key: 0, tensors: { state1, state2: state1 }, scalars: { step: 3 } }],
    }
    expect(kindOf(optimizer)).toBe('Adam of bitsandbytes, 8-bit')
    const { names } = parameterNames(checkpointOf({ tensors: [{ name: 'w.weight', shape: [64, 64] }] }), optimizer)
    expect(names.get(0)).toBe('w.weight')
  })
})

test.each([
  ['adam', 'Adam'],
  ['adamw', 'AdamW'],
  ['adamw-amsgrad', 'AdamW with AMSGrad'],
  ['adagrad', 'Adagrad'],
  ['adafactor', 'Adafactor (torch)'],
  ['hf-adafactor', 'Adafactor'],
  ['lbfgs', 'LBFGS'],
  ['nadam', 'NAdam'],
  ['radam', 'RAdam'],
  ['rmsprop', 'RMSprop'],
  ['sgd-momentum', 'SGD with momentum'],
  ['sgd-plain', 'SGD'],
])('%s is told to be %s', async (name, kind) => {
  expect((await named(`optimizer-zoo-${name}`)).kind).toBe(kind)
})
