import type { Blueprint } from './blueprint'
import type { Config } from './config'
import { embedding, linear, norm, optional, type Parameter, parameter, stack } from './parameter'

/** Widths of the attention of decoders in the manner of Llama. */
function attention(c: Config) {
  const hidden = c.size('hidden_size')
  const heads = c.count('num_attention_heads')
  const head = c.size('head_dim', c.share(hidden, heads))
  return { hidden, head, query: head * heads, keyValue: head * c.count('num_key_value_heads', heads) }
}

interface Manner {
  /** Biases of q, k and v; of o. */
  readonly qkvBias: boolean
  readonly outBias: boolean
  readonly mlpBias: boolean
  /** Norms over the channels of each head of q and k. */
  readonly headNorms: boolean
}

function llamaLike(c: Config, { qkvBias, outBias, mlpBias, headNorms }: Manner, mlp?: Feed): Parameter[] {
  const { hidden, head, query, keyValue } = attention(c)
  const ffn = c.size('intermediate_size')
  const feed: Feed =
    mlp ??
    ((at) => [
      ...linear(`${at}.mlp.gate_proj`, ffn, hidden, mlpBias),
      ...linear(`${at}.mlp.up_proj`, ffn, hidden, mlpBias),
      ...linear(`${at}.mlp.down_proj`, hidden, ffn, mlpBias),
    ])
  return [
    ...embedding('embed_tokens', c.size('vocab_size'), hidden),
    ...stack('layers', c.count('num_hidden_layers'), (at) => [
      ...linear(`${at}.self_attn.q_proj`, query, hidden, qkvBias),
      ...linear(`${at}.self_attn.k_proj`, keyValue, hidden, qkvBias),
      ...linear(`${at}.self_attn.v_proj`, keyValue, hidden, qkvBias),
      ...linear(`${at}.self_attn.o_proj`, hidden, query, outBias),
      ...(headNorms
        ? [...norm(`${at}.self_attn.q_norm`, head, false), ...norm(`${at}.self_attn.k_norm`, head, false)]
        : []),
      ...feed(at, hidden, ffn),
      ...norm(`${at}.input_layernorm`, hidden, false),
      ...norm(`${at}.post_attention_layernorm`, hidden, false),
    ]),
    ...norm('norm', hidden, false),
  ]
}

type Feed = (at: string, hidden: number, ffn: number) => Parameter[]

const LLAMA_HEADS: Blueprint['heads'] = {
  ForCausalLM: (c) => head(c, linear('lm_head', c.size('vocab_size'), c.size('hidden_size'), false)),
  ForSequenceClassification: (c) => linear('score', c.labels(), c.size('hidden_size'), false),
  ForTokenClassification: (c) => linear('score', c.labels(), c.size('hidden_size')),
}

/** A head that is written down only where it is not tied to the embedding. */
function head(c: Config, parameters: Parameter[]): Parameter[] {
  return c.untied ? parameters : optional(parameters)
}

/** transformers 5.18, modeling_{llama,mistral,qwen2,qwen3,gemma}.py. */
export const llama: Blueprint = {
  types: ['llama', 'mistral', 'gemma'],
  prefix: 'model.',
  body: (c) => {
    const bias = c.flag('attention_bias', false)
    return llamaLike(c, { qkvBias: bias, outBias: bias, mlpBias: c.flag('mlp_bias', false), headNorms: false })
  },
  heads: LLAMA_HEADS,
}

export const qwen2: Blueprint = {
  types: ['qwen2'],
  prefix: 'model.',
  body: (c) => llamaLike(c, { qkvBias: true, outBias: false, mlpBias: false, headNorms: false }),
  heads: LLAMA_HEADS,
}

export const qwen3: Blueprint = {
  types: ['qwen3'],
  prefix: 'model.',
  body: (c) => {
    const bias = c.flag('attention_bias', false)
    return llamaLike(c, { qkvBias: bias, outBias: bias, mlpBias: false, headNorms: true })
  },
  heads: LLAMA_HEADS,
}

/** modeling_mixtral.py. In memory the experts are one tensor, in the file each is by itself. */
export const mixtral: Blueprint = {
  types: ['mixtral'],
  prefix: 'model.',
  body: (c) => {
    const experts = c.count('num_local_experts')
    return llamaLike(c, { qkvBias: false, outBias: false, mlpBias: false, headNorms: false }, (at, hidden, ffn) => [
      ...linear(`${at}.block_sparse_moe.gate`, experts, hidden, false),
      ...stack(`${at}.block_sparse_moe.experts`, experts, (expert) => [
        ...linear(`${expert}.w1`, ffn, hidden, false),
        ...linear(`${expert}.w2`, hidden, ffn, false),
        ...linear(`${expert}.w3`, ffn, hidden, false),
      ]),
    ])
  },
  heads: LLAMA_HEADS,
}

/** modeling_phi.py. */
export const phi: Blueprint = {
  types: ['phi'],
  prefix: 'model.',
  body: (c) => {
    const { hidden, head: width, query, keyValue } = attention(c)
    const ffn = c.size('intermediate_size')
    const headNorms = c.flag('qk_layernorm', false)
    return [
      ...embedding('embed_tokens', c.size('vocab_size'), hidden),
      ...stack('layers', c.count('num_hidden_layers'), (at) => [
        ...linear(`${at}.self_attn.q_proj`, query, hidden),
        ...linear(`${at}.self_attn.k_proj`, keyValue, hidden),
        ...linear(`${at}.self_attn.v_proj`, keyValue, hidden),
        ...linear(`${at}.self_attn.dense`, hidden, query),
        ...(headNorms
          ? [...norm(`${at}.self_attn.q_layernorm`, width), ...norm(`${at}.self_attn.k_layernorm`, width)]
          : []),
        ...linear(`${at}.mlp.fc1`, ffn, hidden),
        ...linear(`${at}.mlp.fc2`, hidden, ffn),
        ...norm(`${at}.input_layernorm`, hidden),
      ]),
      ...norm('final_layernorm', hidden),
    ]
  },
  heads: {
    ...LLAMA_HEADS,
    ForCausalLM: (c) => {
      const [weight, bias] = linear('lm_head', c.size('vocab_size'), c.size('hidden_size')) as [Parameter, Parameter]
      return [...head(c, [weight]), bias]
    },
  },
}

/** modeling_gpt2.py. Its Conv1D keeps a weight as [in, out] (pytorch_utils.py). */
export const gpt2: Blueprint = {
  types: ['gpt2'],
  prefix: 'transformer.',
  body: (c) => {
    const hidden = c.size('n_embd')
    const ffn = c.size('n_inner', 4 * hidden)
    const conv = (name: string, into: number, out: number) => [
      parameter(`${name}.weight`, into, out),
      parameter(`${name}.bias`, out),
    ]
    // Cross attention, which few models have, is not drawn here.
    if (c.flag('add_cross_attention', false)) c.untold = true
    return [
      ...embedding('wte', c.size('vocab_size'), hidden),
      ...embedding('wpe', c.size('n_positions'), hidden),
      ...stack('h', c.count('n_layer'), (at) => [
        ...norm(`${at}.ln_1`, hidden),
        ...conv(`${at}.attn.c_attn`, hidden, 3 * hidden),
        ...conv(`${at}.attn.c_proj`, hidden, hidden),
        ...norm(`${at}.ln_2`, hidden),
        ...conv(`${at}.mlp.c_fc`, hidden, ffn),
        ...conv(`${at}.mlp.c_proj`, ffn, hidden),
      ]),
      ...norm('ln_f', hidden),
    ]
  },
  heads: {
    LMHeadModel: (c) => head(c, linear('lm_head', c.size('vocab_size'), c.size('n_embd'), false)),
    ForSequenceClassification: (c) => linear('score', c.labels(), c.size('n_embd'), false),
    ForTokenClassification: (c) => linear('classifier', c.labels(), c.size('n_embd')),
    ForQuestionAnswering: (c) => linear('qa_outputs', 2, c.size('n_embd')),
  },
}

/** modeling_gpt_neox.py; the file keeps the old name of the head. */
export const gptNeox: Blueprint = {
  types: ['gpt_neox'],
  prefix: 'gpt_neox.',
  body: (c) => {
    const hidden = c.size('hidden_size')
    const ffn = c.size('intermediate_size')
    const bias = c.flag('attention_bias', true)
    return [
      ...embedding('embed_in', c.size('vocab_size'), hidden),
      ...stack('layers', c.count('num_hidden_layers'), (at) => [
        ...norm(`${at}.input_layernorm`, hidden),
        ...norm(`${at}.post_attention_layernorm`, hidden),
        ...linear(`${at}.attention.query_key_value`, 3 * hidden, hidden, bias),
        ...linear(`${at}.attention.dense`, hidden, hidden, bias),
        ...linear(`${at}.mlp.dense_h_to_4h`, ffn, hidden),
        ...linear(`${at}.mlp.dense_4h_to_h`, hidden, ffn),
      ]),
      ...norm('final_layer_norm', hidden),
    ]
  },
  heads: {
    ForCausalLM: (c) => head(c, linear('embed_out', c.size('vocab_size'), c.size('hidden_size'), false)),
  },
}

/** modeling_opt.py. Two rows of its positions are for the padding. */
export const opt: Blueprint = {
  types: ['opt'],
  prefix: 'model.',
  body: (c) => {
    const hidden = c.size('hidden_size')
    const width = c.size('word_embed_proj_dim', hidden)
    const ffn = c.size('ffn_dim')
    const bias = c.flag('enable_bias', true)
    const normed = (name: string) => (c.flag('layer_norm_elementwise_affine', true) ? norm(name, hidden) : [])
    const last = c.flag('do_layer_norm_before', true) && !c.flag('_remove_final_layer_norm', false)
    const projected = width !== hidden
    return [
      ...embedding('decoder.embed_tokens', c.size('vocab_size'), width),
      ...embedding('decoder.embed_positions', c.size('max_position_embeddings') + 2, hidden),
      ...(projected ? linear('decoder.project_out', width, hidden, false) : []),
      ...(projected ? linear('decoder.project_in', hidden, width, false) : []),
      ...(last ? normed('decoder.final_layer_norm') : []),
      ...stack('decoder.layers', c.count('num_hidden_layers'), (at) => [
        ...linear(`${at}.self_attn.k_proj`, hidden, hidden, bias),
        ...linear(`${at}.self_attn.v_proj`, hidden, hidden, bias),
        ...linear(`${at}.self_attn.q_proj`, hidden, hidden, bias),
        ...linear(`${at}.self_attn.out_proj`, hidden, hidden, bias),
        ...normed(`${at}.self_attn_layer_norm`),
        ...linear(`${at}.fc1`, ffn, hidden, bias),
        ...linear(`${at}.fc2`, hidden, ffn, bias),
        ...normed(`${at}.final_layer_norm`),
      ]),
    ]
  },
  heads: {
    ForCausalLM: (c) => {
      const width = c.size('word_embed_proj_dim', c.size('hidden_size'))
      return head(c, linear('lm_head', c.size('vocab_size'), width, false))
    },
  },
}
