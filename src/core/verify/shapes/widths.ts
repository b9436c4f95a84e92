import { fieldsOf, numberOf, type Plain } from '../../decode/plain'

/** Widths of a model that decide its shapes, by the names the table of roles uses. Absent where the config does not tell. */
export type Widths = { readonly [name in WidthName]?: number }

export type WidthName =
  | 'vocab'
  | 'embedding'
  | 'hidden'
  | 'ffn'
  | 'twoFfn'
  | 'expertFfn'
  | 'experts'
  | 'encoderFfn'
  | 'decoderFfn'
  | 'query'
  | 'keyValue'
  | 'queryKeyValue'
  | 'threeHidden'
  | 'positions'
  | 'sourcePositions'
  | 'targetPositions'
  | 'types'
  | 'mels'
  | 'three'
  | 'halfHead'

/** Keys that mean the same in the configs of different model families (transformers `attribute_map`, 5.18). */
const KEYS = {
  vocab: ['vocab_size'],
  embedding: ['embedding_size', 'word_embed_proj_dim'],
  hidden: ['hidden_size', 'd_model', 'n_embd', 'dim', 'embed_dim'],
  ffn: ['intermediate_size', 'n_inner', 'ffn_dim', 'd_ff'],
  encoderFfn: ['encoder_ffn_dim'],
  decoderFfn: ['decoder_ffn_dim'],
  expertFfn: ['moe_intermediate_size'],
  experts: ['num_local_experts', 'num_experts', 'n_routed_experts'],
  heads: ['num_attention_heads', 'n_head', 'num_heads'],
  keyValueHeads: ['num_key_value_heads'],
  headDim: ['head_dim', 'd_kv'],
  positions: ['max_position_embeddings', 'n_positions'],
  sourcePositions: ['max_source_positions'],
  targetPositions: ['max_target_positions'],
  types: ['type_vocab_size'],
  mels: ['num_mel_bins'],
} as const

/** The widths that a config (or the part of it for one tower of a model) tells or implies. */
export function widthsOf(config: Plain | undefined): Widths {
  const fields = fieldsOf(config)
  if (fields === undefined) return {}
  const read = (name: keyof typeof KEYS) => {
    const value = KEYS[name].map((key) => numberOf(fields[key])).find((number) => number !== undefined)
    return value !== undefined && Number.isInteger(value) && value > 0 ? value : undefined
  }
  const hidden = read('hidden')
  const heads = read('heads')
  const headDim = read('headDim') ?? (hidden !== undefined && heads !== undefined ? hidden / heads : undefined)
  const ffn = read('ffn')
  const query = times(headDim, heads)
  const keyValue = times(headDim, read('keyValueHeads') ?? heads)
  const isGpt2 = fields.model_type === 'gpt2'
  return defined({
    vocab: read('vocab'),
    embedding: read('embedding') ?? hidden,
    hidden,
    ffn: ffn ?? (isGpt2 ? times(hidden, 4) : undefined),
    twoFfn: times(ffn, 2),
    expertFfn: read('expertFfn') ?? ffn,
    experts: read('experts'),
    encoderFfn: read('encoderFfn'),
    decoderFfn: read('decoderFfn'),
    query,
    keyValue,
    queryKeyValue: query === undefined || keyValue === undefined ? undefined : query + 2 * keyValue,
    threeHidden: times(hidden, 3),
    positions: read('positions'),
    sourcePositions: read('sourcePositions'),
    targetPositions: read('targetPositions'),
    types: read('types'),
    mels: read('mels'),
    three: 3,
    halfHead: headDim === undefined ? undefined : headDim / 2,
  })
}

/** The part of the config for the tower of a multimodal model that a tensor belongs to. */
export function configFor(name: string, config: Plain | undefined): Plain | undefined {
  const fields = fieldsOf(config)
  for (const { tower, key } of TOWERS)
    if (tower.test(name)) return fields?.[key] ?? (key === 'text_config' ? config : undefined)
  return fields?.text_config ?? config
}

const TOWERS = [
  { tower: /(^|\.)(audio_tower|audio_model|audio_encoder)\./, key: 'audio_config' },
  { tower: /(^|\.)(vision_tower|vision_model|visual|vision|vision_encoder)\./, key: 'vision_config' },
  { tower: /(^|\.)(language_model|text_model)\./, key: 'text_config' },
] as const

function times(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? undefined : a * b
}

function defined(widths: { [name in WidthName]: number | undefined }): Widths {
  return Object.fromEntries(Object.entries(widths).filter(([, width]) => Number.isInteger(width)))
}
