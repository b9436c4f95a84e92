import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { fieldsOf, numberOf, type Plain } from '../../decode/plain'
import { unwrapped } from '../shapes/names'

/** One of the two factors that PEFT keeps of a module: A is [rank, in ...], B is [out, rank ...]; those of an embedding too. */
export interface Factor {
  readonly tensor: Tensor
  /** As the base model calls it: `model.layers.0.self_attn.q_proj`. */
  readonly module: string
  readonly side: 'A' | 'B'
}

/** What adapter_config.json says of a LoRA, as far as the tensors can be held against it (peft 0.21, `tuners/lora/config.py`). */
export interface Lora {
  readonly factors: readonly Factor[]
  readonly rank: number | undefined
  /** Ranks of modules whose names end in the key. */
  readonly rankPattern: ReadonlyMap<string, number>
  /** Ends of names of modules; undefined where a regular expression or more than names decides. */
  readonly targets: readonly string[] | undefined
  readonly modulesToSave: readonly string[]
}

/** Settings under which the factors are laid out in another way, or lie elsewhere, than `r` and `target_modules` tell. */
const OTHERWISE = ['target_parameters', 'layer_replication', 'use_bdlora', 'arrow_config', 'megatron_config']
/** Settings that narrow down what `target_modules` names. */
const NARROWING = ['exclude_modules', 'layers_to_transform', 'layers_pattern']

/** The LoRA of a checkpoint; undefined where it is none, is of a variant laid out otherwise, or has no config that tells. */
export function loraOf({ config, tensors }: Checkpoint): Lora | undefined {
  const fields = fieldsOf(config)
  if (fields?.peft_type !== 'LORA' || OTHERWISE.some((key) => isSet(fields[key]))) return undefined
  const patterns = Object.entries(fieldsOf(fields.rank_pattern) ?? {})
  return {
    factors: tensors.flatMap((tensor) => factorOf(tensor) ?? []),
    rank: numberOf(fields.r),
    rankPattern: new Map(patterns.flatMap(([key, value]) => (typeof value === 'number' ? [[key, value]] : []))),
    targets: NARROWING.some((key) => isSet(fields[key])) ? undefined : texts(fields.target_modules),
    modulesToSave: texts(fields.modules_to_save) ?? [],
  }
}

/** The name of a factor in its parts: what comes before, `embedding_` of an embedding's, and which of the two it is. */
export const FACTOR = /\.lora_(embedding_)?([AB])(?=\.|$)/

function factorOf(tensor: Tensor): Factor | undefined {
  const match = tensor.component === 'adapter' ? FACTOR.exec(tensor.name) : null
  if (!match) return undefined
  const module = unwrapped(tensor.name.slice(0, match.index)).replace(/^base_model\.model\./, '')
  return { tensor, module, side: match[2] === 'A' ? 'A' : 'B' }
}

/** Whether `module` is, or ends in, the name that a config gives. */
export function isCalled(module: string, name: string): boolean {
  return module === name || module.endsWith(`.${name}`)
}

/**
 * Whether the tensor is kept by an entry of `modules_to_save`: PEFT wraps each module whose name ends in the entry, inside of a part of it
 * too, so that `norm` means every `input_layernorm` (peft 0.21, utils/other.py, `_set_trainable`), with all that is in the module.
 */
export function isSavedBy(name: string, entry: string): boolean {
  return !FACTOR.test(name) && name.includes(`${entry}.`)
}

/** Ranks that the factor may have. Keys of `rank_pattern` may be regular expressions, which are not run: then any of them. */
export function ranksOf({ module }: Factor, { rank, rankPattern }: Lora): number[] {
  for (const [key, value] of rankPattern) {
    const plain = key.replace(/^\^/, '')
    if (/[^\w.-]/.test(plain)) return [...new Set([...(rank === undefined ? [] : [rank]), ...rankPattern.values()])]
    if (plain === key ? isCalled(module, plain) : module === plain) return [value]
  }
  return rank === undefined ? [] : [rank]
}

function texts(value: Plain | undefined): string[] | undefined {
  return Array.isArray(value) ? value.filter((each) => typeof each === 'string') : undefined
}

function isSet(value: Plain | undefined): boolean {
  if (value === undefined || value === null || value === false) return false
  return Array.isArray(value) ? value.length > 0 : true
}
