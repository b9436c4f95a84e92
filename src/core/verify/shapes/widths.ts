import { fieldsOf, numberOf, type Plain } from '../../decode/plain'

/** Widths of a model that decide its shapes, by the names the table of roles uses. Absent where the config does not tell. */
export type Widths = { readonly [name in WidthName]?: number }

export type WidthName =
  | 'vocab'
  | 'hidden'
  | 'ffn'
  | 'encoderFfn'
  | 'decoderFfn'
  | 'query'
  | 'keyValue'
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
  hidden: ['hidden_size', 'd_model', 'n_embd', 'dim', 'embed_dim'],
  ffn: ['intermediate_size', 'n_inner', 'ffn_dim', 'd_ff'],
  encoderFfn: ['encoder_ffn_dim'],
  decoderFfn: ['decoder_ffn_dim'],
  heads: ['num_attention_heads', 'n_head', 'num_heads'],
  keyValueHeads: ['num_key_value_heads'],
  headDim: ['head_dim'],
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
  const isGpt2 = fields.model_type === 'gpt2'
  return defined({
    vocab: read('vocab'),
    hidden,
    ffn: read('ffn') ?? (isGpt2 ? times(hidden, 4) : undefined),
    encoderFfn: read('encoderFfn'),
    decoderFfn: read('decoderFfn'),
    query: times(headDim, heads),
    keyValue: times(headDim, read('keyValueHeads') ?? heads),
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
