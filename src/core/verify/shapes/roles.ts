import { fieldsOf, type Plain } from '../../decode/plain'
import type { WidthName } from './widths'

/** A parameter that models of a family have: how it is called, and its shape in the config's widths. */
export interface Role {
  /** Ends of names, by any of which it goes; `*` stands for a number. */
  readonly suffixes: readonly string[]
  readonly dims: readonly WidthName[]
  /** Once in the model, or once in every layer. FSDP wraps layers, so flat parameters never cross that border. */
  readonly unit: 'root' | 'layer'
  /** Only some models of the family have it, in place of other roles or besides them. */
  readonly variant?: true
}

/** Roles of one family in the order in which its modules register their parameters: that of a flat parameter. */
export interface Family {
  readonly types: RegExp
  readonly roles: readonly Role[]
}

const root = (suffixes: string, ...dims: WidthName[]): Role => ({ suffixes: suffixes.split(' '), dims, unit: 'root' })
const layer = (suffixes: string, ...dims: WidthName[]): Role => ({ suffixes: suffixes.split(' '), dims, unit: 'layer' })
const variant = (role: Role): Role => ({ ...role, variant: true })

/** GPT-2's Conv1D keeps its weight as [in, out] (transformers/pytorch_utils.py). */
const GPT2: Family = {
  types: /^gpt2$/,
  roles: [
    root('wte.weight', 'vocab', 'hidden'),
    root('wpe.weight', 'positions', 'hidden'),
    layer('ln_1.weight', 'hidden'),
    layer('attn.c_attn.weight', 'hidden', 'threeHidden'),
    layer('attn.c_proj.weight', 'hidden', 'hidden'),
    layer('ln_2.weight', 'hidden'),
    layer('mlp.c_fc.weight', 'hidden', 'ffn'),
    layer('mlp.c_proj.weight', 'ffn', 'hidden'),
    root('ln_f.weight', 'hidden'),
    root('lm_head.weight', 'vocab', 'hidden'),
  ],
}

/** transformers/models/whisper/modeling_whisper.py. */
const WHISPER: Family = {
  types: /^whisper$/,
  roles: [
    root('encoder.conv1.weight', 'hidden', 'mels', 'three'),
    root('encoder.conv2.weight', 'hidden', 'hidden', 'three'),
    root('encoder.embed_positions.weight', 'sourcePositions', 'hidden'),
    root('decoder.embed_tokens.weight', 'vocab', 'hidden'),
    root('decoder.embed_positions.weight', 'targetPositions', 'hidden'),
    layer('self_attn.k_proj.weight', 'hidden', 'hidden'),
    layer('self_attn.v_proj.weight', 'hidden', 'hidden'),
    layer('self_attn.q_proj.weight', 'hidden', 'hidden'),
    layer('self_attn.out_proj.weight', 'hidden', 'hidden'),
    layer('encoder_attn.k_proj.weight', 'hidden', 'hidden'),
    layer('encoder_attn.v_proj.weight', 'hidden', 'hidden'),
    layer('encoder_attn.q_proj.weight', 'hidden', 'hidden'),
    layer('encoder_attn.out_proj.weight', 'hidden', 'hidden'),
    layer('encoder.layers.*.fc1.weight', 'encoderFfn', 'hidden'),
    layer('encoder.layers.*.fc2.weight', 'hidden', 'encoderFfn'),
    layer('decoder.layers.*.fc1.weight', 'decoderFfn', 'hidden'),
    layer('decoder.layers.*.fc2.weight', 'hidden', 'decoderFfn'),
    root('proj_out.weight', 'vocab', 'hidden'),
  ],
}

const BERT: Family = {
  types: /^(bert|roberta|xlm-roberta|camembert|electra)$/,
  roles: [
    root('embeddings.word_embeddings.weight', 'vocab', 'embedding'),
    root('embeddings.position_embeddings.weight', 'positions', 'embedding'),
    root('embeddings.token_type_embeddings.weight', 'types', 'embedding'),
    root('embeddings.LayerNorm.weight', 'embedding'),
    layer('attention.self.query.weight', 'hidden', 'hidden'),
    layer('attention.self.key.weight', 'hidden', 'hidden'),
    layer('attention.self.value.weight', 'hidden', 'hidden'),
    layer('attention.output.dense.weight', 'hidden', 'hidden'),
    layer('attention.output.LayerNorm.weight', 'hidden'),
    layer('intermediate.dense.weight', 'ffn', 'hidden'),
    layer('*.output.dense.weight', 'hidden', 'ffn'),
  ],
}

/** Decoders in the manner of Llama: most of them (llama, mistral, qwen2, qwen3, gemma, phi3 ...), and any unknown type. */
const LLAMA: Family = {
  types: /^/,
  roles: [
    root('embed_tokens.weight wte.weight word_embeddings.weight', 'vocab', 'embedding'),
    layer('self_attn.q_proj.weight', 'query', 'hidden'),
    layer('self_attn.k_proj.weight', 'keyValue', 'hidden'),
    layer('self_attn.v_proj.weight', 'keyValue', 'hidden'),
    variant(layer('self_attn.qkv_proj.weight', 'queryKeyValue', 'hidden')),
    layer('self_attn.o_proj.weight', 'hidden', 'query'),
    variant(layer('self_attn.rotary_emb.inv_freq', 'halfHead')),
    variant(layer('mlp.gate.weight block_sparse_moe.gate.weight', 'experts', 'hidden')),
    variant(layer('experts.*.gate_proj.weight experts.*.w1.weight', 'expertFfn', 'hidden')),
    variant(layer('experts.*.down_proj.weight experts.*.w2.weight', 'hidden', 'expertFfn')),
    variant(layer('experts.*.up_proj.weight experts.*.w3.weight', 'expertFfn', 'hidden')),
    variant(layer('mlp.gate_up_proj.weight', 'twoFfn', 'hidden')),
    layer('mlp.gate_proj.weight', 'ffn', 'hidden'),
    layer('mlp.up_proj.weight', 'ffn', 'hidden'),
    layer('mlp.down_proj.weight', 'hidden', 'ffn'),
    layer('input_layernorm.weight', 'hidden'),
    layer('post_attention_layernorm.weight', 'hidden'),
    root('norm.weight', 'hidden'),
    root('lm_head.weight', 'vocab', 'hidden'),
  ],
}

/** transformers/models/t5/modeling_t5.py; `d_ff` is read as the width of the feed-forward part. */
const T5: Family = {
  types: /^(t5|mt5|umt5)$/,
  roles: [
    root('shared.weight', 'vocab', 'hidden'),
    layer('SelfAttention.q.weight EncDecAttention.q.weight', 'query', 'hidden'),
    layer('SelfAttention.k.weight EncDecAttention.k.weight', 'keyValue', 'hidden'),
    layer('SelfAttention.v.weight EncDecAttention.v.weight', 'keyValue', 'hidden'),
    layer('SelfAttention.o.weight EncDecAttention.o.weight', 'hidden', 'query'),
    layer('DenseReluDense.wi.weight DenseReluDense.wi_0.weight DenseReluDense.wi_1.weight', 'ffn', 'hidden'),
    layer('DenseReluDense.wo.weight', 'hidden', 'ffn'),
    root('lm_head.weight', 'vocab', 'hidden'),
  ],
}

const FAMILIES: readonly Family[] = [GPT2, WHISPER, BERT, T5, LLAMA]

/** The family a config belongs to. Of a config that names no known one, only what all decoders share is expected. */
export function familyOf(config: Plain | undefined): Family {
  const type = fieldsOf(config)?.model_type
  return FAMILIES.find(({ types }) => types.test(typeof type === 'string' ? type : '')) ?? LLAMA
}

/** Whether the family is the config's own, and not what any decoder is taken for. */
export function isNamedFamily(family: Family): boolean {
  return family !== LLAMA
}

/** Whether a name, with its numbers made `*`, ends as the role says. What stands once in a model stands in no layer. */
export function plays(role: Role, pattern: string): boolean {
  if (role.unit === 'root' && pattern.includes('*')) return false
  return role.suffixes.some((suffix) => pattern === suffix || pattern.endsWith(`.${suffix}`))
}
