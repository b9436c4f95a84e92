import type { Blueprint } from './blueprint'
import type { Config } from './config'
import { embedding, linear, norm, optional, type Parameter, parameter, stack } from './parameter'

/** Patches of a square picture, and one more place for the class. */
function places(c: Config): number {
  return c.share(c.size('image_size'), c.size('patch_size')) ** 2 + 1
}

/** transformers 5.18, modeling_vit.py; the file keeps the names of 4.x. */
export const vit: Blueprint = {
  types: ['vit'],
  prefix: 'vit.',
  body: (c) => {
    const hidden = c.size('hidden_size')
    const ffn = c.size('intermediate_size')
    const patch = c.size('patch_size')
    const bias = c.flag('qkv_bias', true)
    return [
      parameter('embeddings.cls_token', 1, 1, hidden),
      parameter('embeddings.position_embeddings', 1, places(c), hidden),
      parameter('embeddings.patch_embeddings.projection.weight', hidden, c.size('num_channels', 3), patch, patch),
      parameter('embeddings.patch_embeddings.projection.bias', hidden),
      ...stack('encoder.layer', c.count('num_hidden_layers'), (at) => [
        ...linear(`${at}.attention.attention.query`, hidden, hidden, bias),
        ...linear(`${at}.attention.attention.key`, hidden, hidden, bias),
        ...linear(`${at}.attention.attention.value`, hidden, hidden, bias),
        ...linear(`${at}.attention.output.dense`, hidden, hidden),
        ...norm(`${at}.layernorm_before`, hidden),
        ...norm(`${at}.layernorm_after`, hidden),
        ...linear(`${at}.intermediate.dense`, ffn, hidden),
        ...linear(`${at}.output.dense`, hidden, ffn),
      ]),
      ...norm('layernorm', hidden),
      ...optional(linear('pooler.dense', c.size('pooler_output_size', hidden), hidden)),
    ]
  },
  heads: { ForImageClassification: (c) => linear('classifier', c.labels(), c.size('hidden_size')) },
}

function clipLayers(c: Config): Parameter[] {
  const hidden = c.size('hidden_size')
  const ffn = c.size('intermediate_size')
  return stack('encoder.layers', c.count('num_hidden_layers'), (at) => [
    ...linear(`${at}.self_attn.k_proj`, hidden, hidden),
    ...linear(`${at}.self_attn.v_proj`, hidden, hidden),
    ...linear(`${at}.self_attn.q_proj`, hidden, hidden),
    ...linear(`${at}.self_attn.out_proj`, hidden, hidden),
    ...norm(`${at}.layer_norm1`, hidden),
    ...linear(`${at}.mlp.fc1`, ffn, hidden),
    ...linear(`${at}.mlp.fc2`, hidden, ffn),
    ...norm(`${at}.layer_norm2`, hidden),
  ])
}

function clipText(c: Config): Parameter[] {
  const hidden = c.size('hidden_size')
  return [
    ...embedding('embeddings.token_embedding', c.size('vocab_size'), hidden),
    ...embedding('embeddings.position_embedding', c.size('max_position_embeddings'), hidden),
    ...clipLayers(c),
    ...norm('final_layer_norm', hidden),
  ]
}

/** The first norm is called `pre_layrnorm` in every release. */
function clipVision(c: Config): Parameter[] {
  const hidden = c.size('hidden_size')
  const patch = c.size('patch_size')
  return [
    parameter('embeddings.class_embedding', hidden),
    parameter('embeddings.patch_embedding.weight', hidden, c.size('num_channels', 3), patch, patch),
    ...embedding('embeddings.position_embedding', places(c), hidden),
    ...norm('pre_layrnorm', hidden),
    ...clipLayers(c),
    ...norm('post_layernorm', hidden),
  ]
}

/** modeling_clip.py. A tower saved by itself bears its prefix in 4.x and none in 5.x. */
export const clipTextModel: Blueprint = {
  types: ['clip_text_model'],
  prefix: 'text_model.',
  body: clipText,
  heads: {},
}

export const clipVisionModel: Blueprint = {
  types: ['clip_vision_model'],
  prefix: 'vision_model.',
  body: clipVision,
  heads: {},
}

export const clip: Blueprint = {
  types: ['clip'],
  prefix: '',
  body: (c) => {
    const text = c.part('text_config')
    const vision = c.part('vision_config')
    const under = (prefix: string, parameters: Parameter[]) =>
      parameters.map((each) => ({ ...each, name: prefix + each.name }))
    const width = c.size('projection_dim')
    const parameters = [
      parameter('logit_scale'),
      ...under('text_model.', clipText(text)),
      ...under('vision_model.', clipVision(vision)),
      ...linear('visual_projection', width, vision.size('hidden_size'), false),
      ...linear('text_projection', width, text.size('hidden_size'), false),
    ]
    if (text.untold || vision.untold) c.untold = true
    return parameters
  },
  heads: { Model: () => [] },
}
