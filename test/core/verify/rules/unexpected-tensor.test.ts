import { expect, test } from 'vitest'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import type { Plain } from '../../../../src/core/decode/plain'
import { unexpectedTensor } from '../../../../src/core/verify/rules/unexpected-tensor'
import { goldenPath } from '../../../golden/cases'
import { findingsOf, tensorOf } from '../handmade'

async function told(
  names: readonly string[],
  fields: { [key: string]: Plain } = {},
  dtype: 'float32' | 'int64' = 'float32',
) {
  const checkpoint = await openCheckpoint(goldenPath('trainer-gpt2'))
  checkpoint.close()
  const { config, tensors } = checkpoint
  const more = names.map((name) => tensorOf({ name, shape: [3, 3], dtype }))
  const changed = { ...checkpoint, config: { ...(config as object), ...fields }, tensors: [...tensors, ...more] }
  return findingsOf(unexpectedTensor, changed)
}

test('what the model has no place for is told in one warning', async () => {
  const [one, ...others] = await told(['foo.weight'])
  expect(others).toEqual([])
  expect(one).toMatchObject({ severity: 'warning', subject: 'foo.weight' })
  expect(one?.message).toContain('not in the GPT2LMHeadModel')
  const names = ['foo.weight', 'transformer.h.0.attn.extra.weight', 'transformer.h.1.mlp.c_fc.scale.bias', 'bar']
  const several = await told(names)
  expect(several).toHaveLength(1)
  expect(several[0]?.evidence?.names).toEqual(names.filter((name) => !name.includes('scale')))
})

test('a bias of a layer that has none, and layers beyond the last, are among it', async () => {
  for (const name of ['transformer.wte.bias', 'transformer.h.7.ln_1.weight']) {
    expect((await told([name])).map(({ subject }) => subject)).toEqual([name])
  }
})

test('buffers, parts that a training script put inside a module, and heads of other classes are not', async () => {
  const inside = ['transformer.h.0.attn.c_attn.lora_A.default.weight', 'transformer.h.0.attn.c_attn.scale']
  expect(await told(inside)).toEqual([])
  expect(
    await told(['transformer.h.0.attn.bias', 'transformer.h.0.attn.masked_bias', 'v_head.summary.weight']),
  ).toEqual([])
  expect(await told(['counter'], {}, 'int64')).toEqual([])
  const head = ['multiple_choice_head.summary.weight']
  expect(await told(head, { architectures: ['GPT2DoubleHeadsModel'] })).toEqual([])
  expect(await told(['foo.weight'], { auto_map: { AutoModel: 'mine.Model' } })).toEqual([])
})
