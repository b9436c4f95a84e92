import { expect, test } from 'vitest'
import { flattened } from '../../../../src/core/verify/rules/flattened'
import { checkpointOf, findingsOf, tensorOf } from '../handmade'

test('the config gives the shape of a flattened matrix', async () => {
  const checkpoint = checkpointOf({
    config: {
      model_type: 'qwen2',
      hidden_size: 64,
      intermediate_size: 256,
      num_attention_heads: 4,
      num_key_value_heads: 2,
    },
    tensors: [
      { name: 'model.layers.0.self_attn.k_proj.weight', shape: [2048] },
      { name: 'model.layers.0.mlp.down_proj.weight', shape: [16384] },
      { name: 'model.layers.0.input_layernorm.weight', shape: [64] },
    ],
  })
  const found = await findingsOf(flattened, checkpoint)
  expect(found.map(({ subject, evidence }) => [subject, evidence?.shape, evidence?.source])).toEqual([
    ['model.layers.0.self_attn.k_proj.weight', [32, 64], 'config.json'],
    ['model.layers.0.mlp.down_proj.weight', [64, 256], 'config.json'],
  ])
})

test('the rank of a LoRA tells which of two moments is that of a factor', async () => {
  const factors = { lora_A: [4, 16], lora_B: [16, 4] }
  const found = async (r: number) => {
    const moments = [...Object.values(factors), [4, 64]].map((shape, key) => ({
      key,
      tensors: { exp_avg: tensorOf({ name: `state.${key}.exp_avg`, shape, component: 'optimizer' }) },
      scalars: {},
    }))
    const groups = [{ params: [0, 1, 2], hyper: {} }]
    const checkpoint = checkpointOf({
      config: { peft_type: 'LORA', r },
      tensors: [
        { name: 'base_model.model.q.lora_A.weight', shape: [64], component: 'adapter' },
        { name: 'base_model.model.q.lora_B.weight', shape: [64], component: 'adapter' },
        { name: 'base_model.model.embed.lora_embedding_A', shape: [256], component: 'adapter' },
      ],
      state: { optimizers: [{ file: 'optimizer.pt', groups, parameters: moments }] },
    })
    return (await findingsOf(flattened, checkpoint)).map(({ evidence }) => evidence?.shape)
  }
  expect(await found(4)).toEqual([...Object.values(factors), [4, 64]])
  expect(await found(8)).toEqual([])
})

test('GPT-2 keeps its linear weights the other way round', async () => {
  const checkpoint = checkpointOf({
    config: { model_type: 'gpt2', n_embd: 32, vocab_size: 64 },
    tensors: [
      { name: 'transformer.h.0.mlp.c_fc.weight', shape: [4096] },
      { name: 'transformer.h.0.attn.c_attn.weight', shape: [3072] },
    ],
  })
  const found = await findingsOf(flattened, checkpoint)
  expect(found.map(({ evidence }) => evidence?.shape)).toEqual([
    [32, 128],
    [32, 96],
  ])
})

test('a frozen weight is told where every matrix of the file was flattened, and its shape is not known', async () => {
  const moment = tensorOf({ name: 'state.0.exp_avg', shape: [6, 8], component: 'optimizer', file: 'optimizer.bin' })
  const optimizer = {
    file: 'optimizer.bin',
    groups: [{ params: [0], hyper: {} }],
    parameters: [{ key: 0, tensors: { exp_avg: moment }, scalars: {} }],
  }
  const found = (trained: number[]) =>
    findingsOf(
      flattened,
      checkpointOf({
        state: { optimizers: [optimizer] },
        tensors: [
          { name: 'head.weight', shape: trained },
          { name: 'stem.weight', shape: [216] },
          { name: 'scale.weight', shape: [8] },
          { name: 'norm1.weight', shape: [24] },
        ],
      }),
    )
  expect((await found([48])).map(({ subject, evidence }) => [subject, evidence?.shape])).toEqual([
    ['head.weight', [6, 8]],
    ['stem.weight', undefined],
  ])
  expect(await found([6, 8])).toEqual([])
})

test('the same weight of another layer gives the shape', async () => {
  const checkpoint = checkpointOf({
    tensors: [
      { name: 'blocks.0.mixer.in_proj.weight', shape: [96, 32] },
      { name: 'blocks.1.mixer.in_proj.weight', shape: [3072] },
    ],
  })
  const [found] = await findingsOf(flattened, checkpoint)
  expect(found?.evidence).toMatchObject({ shape: [96, 32], source: 'blocks.0.mixer.in_proj.weight' })
})

test('moments under parameter names give the shape', async () => {
  const moment = checkpointOf({
    tensors: [{ name: 'state.0.exp_avg', shape: [8, 4], component: 'optimizer', file: 'optimizer.pt' }],
  }).tensors[0]
  const checkpoint = checkpointOf({
    tensors: [{ name: 'proj.weight', shape: [32] }],
    state: {
      optimizers: [
        {
          file: 'optimizer.pt',
          groups: [{ params: [0], names: ['proj.weight'], hyper: {} }],
          parameters: [{ key: 0, tensors: moment ? { exp_avg: moment } : {}, scalars: {} }],
        },
      ],
    },
  })
  const [found] = await findingsOf(flattened, checkpoint)
  expect(found?.evidence).toMatchObject({ shape: [8, 4], source: "the optimizer's moments" })
})

test('a bias alone tells one dimension, and no shape is claimed', async () => {
  const checkpoint = checkpointOf({
    tensors: [
      { name: 'fc1.weight', shape: [16384] },
      { name: 'fc1.bias', shape: [256] },
    ],
  })
  const [found] = await findingsOf(flattened, checkpoint)
  expect(found?.evidence).toMatchObject({ rows: 256 })
  expect(found?.evidence).not.toHaveProperty('shape')
  expect(found?.message).toContain('the others are not known')
})

test('vectors by nature are left alone', async () => {
  const checkpoint = checkpointOf({
    config: { model_type: 'llama', hidden_size: 64, vocab_size: 1000 },
    tensors: [
      { name: 'features.0.weight', shape: [64, 1, 1, 1] },
      { name: 'features.1.weight', shape: [64] },
      { name: 'features.1.bias', shape: [64] },
      { name: 'features.1.running_mean', shape: [64] },
      { name: 'features.1.num_batches_tracked', shape: [], dtype: 'int64' },
      { name: 'act.weight', shape: [8] },
      { name: 'model.norm.weight', shape: [64] },
      { name: 'tower.norm.weight', shape: [256] },
      { name: 'logit_scale', shape: [] },
      { name: 'proj.weight', shape: [8, 8] },
    ],
  })
  expect(await findingsOf(flattened, checkpoint)).toEqual([])
})
