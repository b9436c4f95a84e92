import type { Blueprint } from './blueprint'
import type { Config } from './config'
import { embedding, linear, norm, optional, type Parameter, parameter, stack } from './parameter'

/** One side of T5: blocks of self attention, attention to the other side, feed-forward. */
function t5Side(c: Config, side: 'encoder' | 'decoder', blocks: number): Parameter[] {
  const hidden = c.size('d_model')
  const heads = c.count('num_heads')
  const inner = heads * c.size('d_kv')
  const ffn = c.size('d_ff')
  const gated = c.flag('is_gated_act', c.text('feed_forward_proj').startsWith('gated'))
  const attention = (at: string, name: string) => [
    ...linear(`${at}.${name}.q`, inner, hidden, false),
    ...linear(`${at}.${name}.k`, inner, hidden, false),
    ...linear(`${at}.${name}.v`, inner, hidden, false),
    ...linear(`${at}.${name}.o`, hidden, inner, false),
  ]
  const buckets = c.size('relative_attention_num_buckets', 32)
  return [
    ...optional(embedding(`${side}.embed_tokens`, c.size('vocab_size'), hidden)),
    ...stack(`${side}.block`, blocks, (at, i) => {
      const last = side === 'encoder' ? 1 : 2
      return [
        ...attention(`${at}.layer.0`, 'SelfAttention'),
        ...(i === 0 ? embedding(`${at}.layer.0.SelfAttention.relative_attention_bias`, buckets, heads) : []),
        ...norm(`${at}.layer.0.layer_norm`, hidden, false),
        ...(side === 'decoder' ? attention(`${at}.layer.1`, 'EncDecAttention') : []),
        ...(side === 'decoder' ? norm(`${at}.layer.1.layer_norm`, hidden, false) : []),
        ...(gated ? ['wi_0', 'wi_1'] : ['wi']).flatMap((wi) =>
          linear(`${at}.layer.${last}.DenseReluDense.${wi}`, ffn, hidden, false),
        ),
        ...linear(`${at}.layer.${last}.DenseReluDense.wo`, hidden, ffn, false),
        ...norm(`${at}.layer.${last}.layer_norm`, hidden, false),
      ]
    }),
    ...norm(`${side}.final_layer_norm`, hidden, false),
  ]
}

/** transformers 5.18, modeling_t5.py. The head is tied whatever the config says in 5.18, and by the config before. */
export const t5: Blueprint = {
  types: ['t5', 'mt5'],
  prefix: '',
  body: (c) => [
    ...embedding('shared', c.size('vocab_size'), c.size('d_model')),
    ...t5Side(c, 'encoder', c.count('num_layers')),
    ...(c.architecture.endsWith('EncoderModel')
      ? []
      : t5Side(c, 'decoder', c.count('num_decoder_layers', c.count('num_layers')))),
  ],
  heads: {
    EncoderModel: () => [],
    ForConditionalGeneration: (c) => optional(linear('lm_head', c.size('vocab_size'), c.size('d_model'), false)),
  },
}

function whisperLayer(at: string, hidden: number, ffn: number, crossed: boolean): Parameter[] {
  const attention = (name: string) => [
    ...linear(`${at}.${name}.k_proj`, hidden, hidden, false),
    ...linear(`${at}.${name}.v_proj`, hidden, hidden),
    ...linear(`${at}.${name}.q_proj`, hidden, hidden),
    ...linear(`${at}.${name}.out_proj`, hidden, hidden),
    ...norm(`${at}.${name}_layer_norm`, hidden),
  ]
  return [
    ...attention('self_attn'),
    ...(crossed ? attention('encoder_attn') : []),
    ...linear(`${at}.fc1`, ffn, hidden),
    ...linear(`${at}.fc2`, hidden, ffn),
    ...norm(`${at}.final_layer_norm`, hidden),
  ]
}

/** modeling_whisper.py. */
export const whisper: Blueprint = {
  types: ['whisper'],
  prefix: 'model.',
  body: (c) => {
    const hidden = c.size('d_model')
    // A classifier of sounds has an encoder alone.
    if (c.architecture.endsWith('ForAudioClassification')) c.untold = true
    return [
      parameter('encoder.conv1.weight', hidden, c.size('num_mel_bins'), 3),
      parameter('encoder.conv1.bias', hidden),
      parameter('encoder.conv2.weight', hidden, hidden, 3),
      parameter('encoder.conv2.bias', hidden),
      ...embedding('encoder.embed_positions', c.size('max_source_positions'), hidden),
      ...stack('encoder.layers', c.count('encoder_layers'), (at) =>
        whisperLayer(at, hidden, c.size('encoder_ffn_dim'), false),
      ),
      ...norm('encoder.layer_norm', hidden),
      ...embedding('decoder.embed_tokens', c.size('vocab_size'), hidden),
      ...embedding('decoder.embed_positions', c.size('max_target_positions'), hidden),
      ...stack('decoder.layers', c.count('decoder_layers'), (at) =>
        whisperLayer(at, hidden, c.size('decoder_ffn_dim'), true),
      ),
      ...norm('decoder.layer_norm', hidden),
    ]
  },
  heads: {
    ForConditionalGeneration: (c) => {
      const parameters = linear('proj_out', c.size('vocab_size'), c.size('d_model'), false)
      return c.untied ? parameters : optional(parameters)
    },
  },
}
