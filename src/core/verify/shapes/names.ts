/** Segments that wrappers put into parameter names, and who puts them there. */
export const WRAPPERS: readonly { readonly segment: string; readonly who: string }[] = [
  { segment: '_orig_mod', who: 'torch.compile' },
  { segment: '_fsdp_wrapped_module', who: 'FSDP' },
  { segment: '_fpw_module', who: 'FSDP' },
  { segment: '_checkpoint_wrapped_module', who: 'activation checkpointing' },
  { segment: '_forward_module', who: 'DeepSpeed under Lightning' },
]

const WRAPPER_SEGMENTS: ReadonlySet<string> = new Set(WRAPPERS.map(({ segment }) => segment))

const WRAPPED = new RegExp(`(^|\\.)(${[...WRAPPER_SEGMENTS].join('|')})\\.`)

/** Whether a segment that only wrappers use stands somewhere in the name, before its last part. */
export function holdsWrapper(name: string): boolean {
  return WRAPPED.test(name)
}

/** The name as the model itself gives it: without the segments of wrappers and a leading `module.` */
export function unwrapped(name: string): string {
  if (!name.startsWith('module.') && !holdsWrapper(name)) return name
  const parts = name.split('.').filter((part) => !WRAPPER_SEGMENTS.has(part))
  return (parts[0] === 'module' && parts.length > 1 ? parts.slice(1) : parts).join('.')
}

/** A name cut at its first number: `model.layers.3.mlp.up_proj.weight` is layer 3 of `model.layers`, and the rest. */
export interface LayerName {
  /** Without the trailing dot. */
  readonly container: string
  readonly index: number
  readonly rest: string
}

export function layerName(name: string): LayerName | undefined {
  const match = /^(.*?)\.(\d{1,6})\.(.+)$/.exec(name) ?? /^()(\d{1,6})\.(.+)$/.exec(name)
  return match ? { container: match[1] as string, index: Number(match[2]), rest: match[3] as string } : undefined
}

/** The name with every number made equal: tensors of one pattern are the same part of different layers. */
export function patternOf(name: string): string {
  return name.replace(/(^|\.)\d+(?=\.|$)/g, '$1*')
}

/** Names that torch and the usual libraries give to trained parameters and running statistics. */
export function isParameterName(name: string): boolean {
  return /(^|[._])(weight|bias|gamma|beta|kernel|scale|embedding|embeddings|running_mean|running_var|lora_\w+)(_(ih|hh|hr)(_l\d+(_reverse)?)?)?(\.\w+)?$/i.test(
    name,
  )
}

/** Modules whose weight is one-dimensional by nature. */
export function isNormName(name: string): boolean {
  return /(norm_?\d*|(^|[._])ln(_?\w{1,3})?|(^|[._])bn\d*|layer_?scale|prelu|(^|[._])act\d*)\.(weight|bias|gamma|beta)$/i.test(
    name,
  )
}

/**
 * Whether the Trainer lets weight decay work on a parameter: neither norms nor anything with `bias` in its name, such as
 * T5's `relative_attention_bias.weight` (transformers 5.18, trainer.py `get_decay_parameter_names`).
 */
export function isDecayed(name: string): boolean {
  return !/bias/i.test(name) && !isNormName(name)
}

/** Embedding tables and heads: a row for each token, so that rows of tokens never seen may be zero. */
export function isTokenTable(name: string): boolean {
  return /(embed|wte|wpe|lm_head|tok_emb|pos_emb)/i.test(name)
}

/** Masks and the like, which hold -inf and zeros by design. */
export function isMaskName(name: string): boolean {
  return /mask|(^|\.)attn\.bias$|causal|alibi/i.test(name)
}

/**
 * The prefix of wrappers that all names share, such as `module._orig_mod.`; empty where there is none. `n_averaged`, the
 * counter of an AveragedModel, stands outside of it.
 */
export function commonWrapper(names: readonly string[]): string {
  const inner = names.filter((name) => name !== 'n_averaged')
  if (inner.length === 0) return ''
  const segments = ['module', ...WRAPPER_SEGMENTS]
  let prefix = ''
  for (;;) {
    const next = segments.find((segment) => inner.every((name) => name.startsWith(`${prefix}${segment}.`)))
    if (next === undefined) return prefix
    prefix += `${next}.`
  }
}

/** A file that says it belongs to one process: `pytorch_model_rank0.bin`. */
export function isRankFile(file: string): boolean {
  return /(^|[/_.-])rank[_-]?\d+([_.-]|$)/i.test(file)
}
