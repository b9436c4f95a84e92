import { expect, test } from 'vitest'
import { flagsOf } from '../../../../src/core/verify/flags'
import { flattened } from '../../../../src/core/verify/rules/flattened'
import { placeholder } from '../../../../src/core/verify/rules/placeholder'
import { rankShard } from '../../../../src/core/verify/rules/rank-shard'
import { checkpointOf, findingsOf } from '../handmade'

const llama = (vocab_size: number, hidden_size: number, more = {}) => ({
  model_type: 'llama',
  vocab_size,
  hidden_size,
  ...more,
})

test('65,667,584 values are a quarter of an embedding and the last norm (transformers#34080)', async () => {
  const checkpoint = checkpointOf({
    config: llama(128256, 2048, { tie_word_embeddings: true }),
    tensors: [{ name: 'model.embed_tokens.weight', shape: [65667584] }],
  })
  const [found] = await findingsOf(rankShard, checkpoint)
  expect(found?.evidence).toMatchObject({ ranks: 4, swallowed: ['norm.weight'], total: 262670336 })
  expect(await findingsOf(flattened, checkpoint)).toEqual([])
})

test('131,344,896 values are an eighth of embedding, norm and head, which arrive with size 0 (axolotl#1947)', async () => {
  const checkpoint = checkpointOf({
    config: llama(128266, 4096),
    tensors: [
      { name: 'model.embed_tokens.weight', shape: [131344896] },
      { name: 'model.norm.weight', shape: [0] },
      { name: 'lm_head.weight', shape: [0] },
    ],
  })
  const [found] = await findingsOf(rankShard, checkpoint)
  expect(found?.evidence).toMatchObject({ ranks: 8, swallowed: ['model.norm.weight', 'lm_head.weight'] })
  const empty = await findingsOf(placeholder, checkpoint)
  expect(empty.map(({ subject }) => subject)).toEqual(['model.norm.weight', 'lm_head.weight'])
  expect(empty[0]?.evidence).toMatchObject({ swallowedBy: 'model.embed_tokens.weight' })
})

test('131,661,824 values are a quarter of an embedding alone (RLinf#655)', async () => {
  const checkpoint = checkpointOf({
    config: { model_type: 'gemma', vocab_size: 257152, hidden_size: 2048, tie_word_embeddings: true },
    tensors: [{ name: 'language_model.model.embed_tokens.weight', shape: [131661824] }],
  })
  const [found] = await findingsOf(rankShard, checkpoint)
  expect(found?.evidence).toMatchObject({ ranks: 4, swallowed: [] })
  expect(found?.message).toContain('must not be reshaped')
})

test('a whole layer in one flat parameter is told with all that is in it', async () => {
  const checkpoint = checkpointOf({
    config: llama(128256, 2048, { num_attention_heads: 32, num_key_value_heads: 8, intermediate_size: 8192 }),
    tensors: [{ name: 'model.layers.3.self_attn.q_proj.weight', shape: [7602688] }],
  })
  const [found] = await findingsOf(rankShard, checkpoint)
  expect(found?.evidence).toMatchObject({ ranks: 8, total: 60821504 })
  expect(found?.evidence?.swallowed).toEqual([
    'self_attn.k_proj.weight',
    'self_attn.v_proj.weight',
    'self_attn.o_proj.weight',
    'mlp.gate_proj.weight',
    'mlp.up_proj.weight',
    'mlp.down_proj.weight',
    'input_layernorm.weight',
    'post_attention_layernorm.weight',
  ])
})

test('without a config, a vector in the file of one rank is a part and never a flattened matrix', async () => {
  const checkpoint = checkpointOf({
    tensors: [
      { name: 'fc.weight', shape: [512], file: 'model_rank0.pt' },
      { name: 'fc.bias', shape: [16], file: 'model_rank0.pt' },
    ],
  })
  expect((await findingsOf(rankShard, checkpoint)).map(({ subject }) => subject)).toEqual(['fc.weight'])
  expect(await findingsOf(flattened, checkpoint)).toEqual([])
})

test('the local piece of a distributed tensor is never taken for the whole', async () => {
  const checkpoint = checkpointOf({ tensors: [{ name: 'w', shape: [2, 3] }] })
  const [tensor] = checkpoint.tensors
  const pieces = { ...checkpoint, tensors: [{ ...tensor, whole: { shape: [8, 3] } } as typeof tensor & object] }
  expect(await findingsOf(rankShard, pieces)).toMatchObject([
    { rule: 'weights/rank-shard', subject: 'w', evidence: { shape: [8, 3] } },
  ])
  expect(flagsOf(pieces, []).get(0)).toContain('rank-shard')
  expect(await findingsOf(rankShard, checkpoint)).toEqual([])
})
