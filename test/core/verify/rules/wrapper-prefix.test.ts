import { expect, test } from 'vitest'
import type { LayoutId } from '../../../../src/core/checkpoint/checkpoint'
import type { Plain } from '../../../../src/core/decode/plain'
import { wrapperPrefix } from '../../../../src/core/verify/rules/wrapper-prefix'
import { type CheckpointSpec, checkpointOf, findingsOf } from '../handmade'

const subjects = async (names: string[]) => {
  const found = await findingsOf(
    wrapperPrefix,
    checkpointOf({ tensors: names.map((name) => ({ name, shape: [2, 2] })) }),
  )
  return found.map(({ subject }) => subject)
}

test('a prefix of all names is one finding, however many wrappers made it', async () => {
  expect(await subjects(['module.a.weight', 'module.b.weight'])).toEqual(['module.'])
  expect(await subjects(['module._orig_mod.a.weight', 'module._orig_mod.b.weight'])).toEqual(['module._orig_mod.'])
  expect(await subjects(['_forward_module.model.a.weight'])).toEqual(['_forward_module.'])
})

test('the counter of an AveragedModel stands outside of its prefix, and names it', async () => {
  const tensors = [
    { name: 'n_averaged', shape: [], dtype: 'int64' as const },
    { name: 'module.a.weight', shape: [2] },
  ]
  const [found] = await findingsOf(wrapperPrefix, checkpointOf({ tensors }))
  expect(found).toMatchObject({ subject: 'module.', evidence: { averaged: true, tensors: 1 } })
})

test('segments that only wrappers use are told wherever they stand', async () => {
  expect(await subjects(['model._orig_mod.a.weight', 'head.weight'])).toEqual(['_orig_mod.'])
  expect(await subjects(['layers.0._fsdp_wrapped_module._checkpoint_wrapped_module.a.weight', 'b.weight'])).toEqual([
    '_fsdp_wrapped_module.',
    '_checkpoint_wrapped_module.',
  ])
})

test('a module called module is nobody’s wrapper', async () => {
  expect(await subjects(['module.a.weight', 'head.weight'])).toEqual([])
  expect(await subjects(['model.module.weight', 'modules.a.weight'])).toEqual([])
})

test('a wrapper that stands twice under a key of the file is told', async () => {
  const doubled = ['state_dict.module.module.a.weight', 'state_dict.module.module.b.weight']
  expect(await subjects([...doubled, 'ema.module.a.weight'])).toEqual(['state_dict.module.module.'])
  expect(await subjects([...doubled, 'state_dict.c.weight', 'ema.module.a.weight'])).toEqual([])
  expect(await subjects(['state_dict.module.a.weight', 'ema.module.module.a.weight'])).toEqual([])
})

const config = {
  ...{ architectures: ['LlamaForCausalLM'], model_type: 'llama', vocab_size: 8, hidden_size: 4, intermediate_size: 6 },
  ...{ num_hidden_layers: 1, num_attention_heads: 2, num_key_value_heads: 2 },
}
const LAYER: Readonly<Record<string, number[]>> = {
  ...{ 'self_attn.q_proj': [4, 4], 'self_attn.k_proj': [4, 4], 'self_attn.v_proj': [4, 4], 'self_attn.o_proj': [4, 4] },
  ...{ 'mlp.gate_proj': [6, 4], 'mlp.up_proj': [6, 4], 'mlp.down_proj': [4, 6] },
  ...{ input_layernorm: [4], post_attention_layernorm: [4] },
}
const LLAMA = [
  { name: 'model.embed_tokens.weight', shape: [8, 4] },
  ...Object.entries(LAYER).map(([module, shape]) => ({ name: `model.layers.0.${module}.weight`, shape })),
  { name: 'model.norm.weight', shape: [4] },
  { name: 'lm_head.weight', shape: [8, 4] },
]
/** The findings for a Llama whose names are changed so. */
const llama = (rename: (name: string) => string, spec: Partial<CheckpointSpec> = {}) => {
  const tensors = LLAMA.map(({ name, shape }) => ({ name: rename(name), shape }))
  return findingsOf(wrapperPrefix, checkpointOf({ layout: 'folder', config, tensors, ...spec }))
}

test.each(['module.', '_orig_mod.', '_fsdp_wrapped_module.', 'net.', 'transformer.', 'net.module.'])(
  'of all names of a folder for Transformers, %s lets from_pretrained find nothing: an error',
  async (prefix) => {
    expect(await llama((name) => prefix + name)).toMatchObject([
      { subject: prefix, severity: 'error', evidence: { foreign: true, architecture: 'LlamaForCausalLM', fits: 12 } },
    ])
  },
)

// As loaded by transformers 5.18 without a missing key.
test.each([
  ['as it should be', (name: string) => name],
  ['doubled', (name: string) => `model.${name}`],
  ['missing', (name: string) => name.replace(/^model\./, '')],
])('the prefix that the model has of its own is none of a wrapper, %s', async (_, rename) => {
  expect(await llama(rename)).toEqual([])
})

test('a prefix is no error where something else than from_pretrained may load it', async () => {
  const wrapped = (name: string) => `net.${name}`
  expect(await llama(wrapped, { config: { ...config, auto_map: { AutoModel: 'mine.Model' } } })).toEqual([])
  expect(await llama(wrapped, { config: { model_type: 'mine', architectures: ['Mine'] } })).toEqual([])
  expect(await llama(wrapped, { layout: 'accelerate' })).toEqual([])
  expect(await llama((name) => (name === 'lm_head.weight' ? name : wrapped(name)))).toEqual([])
})

test('the prefix of the body is none of a wrapper where the config names the body alone, or a class of another model', async () => {
  for (const name of ['LlamaModel', 'GPT2LMHeadModel']) {
    const named = { ...config, architectures: [name] }
    for (const rename of [(own: string) => own, (own: string) => `model.${own}`])
      expect(await llama(rename, { config: named })).toEqual([])
    const body = LLAMA.filter((each) => each.name !== 'lm_head.weight')
    expect(await llama((own) => own, { config: named, tensors: body })).toEqual([])
  }
})

test('before some names of a known model is an error, unless the same name stands there without it', async () => {
  const some = (own: string) => (own.includes('mlp') ? `module.${own}` : own)
  expect(await llama(some)).toMatchObject([{ subject: 'module.', severity: 'error', evidence: { tensors: 3 } }])
  const both = [...LLAMA, ...LLAMA.map(({ name, shape }) => ({ name: `module.${name}`, shape }))]
  expect(await llama(some, { tensors: both })).toEqual([])
  expect(await llama(some, { config: { model_type: 'mine', architectures: ['Mine'] } })).toEqual([])
})

test('a prefix of which a Trainer strips none is an error, but for a model of its own code', async () => {
  const severity = async (layout: LayoutId, config: Record<string, Plain>) => {
    const tensors = [{ name: 'module.encoder.weight', shape: [2] }]
    const [found] = await findingsOf(wrapperPrefix, checkpointOf({ layout, config, tensors }))
    return found?.severity
  }
  const architectures = ['MambaForCausalLM']
  expect(await severity('trainer', { architectures })).toBe('error')
  expect(await severity('trainer', { peft_type: 'LORA' })).toBe('error')
  expect(await severity('trainer', { architectures, auto_map: { AutoModel: 'own.Own' } })).toBe('warning')
  expect(await severity('trainer', {})).toBe('warning')
  expect(await severity('file', { architectures })).toBe('warning')
})
