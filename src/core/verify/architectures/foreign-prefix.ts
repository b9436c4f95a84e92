import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fieldsOf } from '../../decode/plain'
import { patternOf } from '../shapes/names'
import { namingOf } from './blueprint'
import { fitOf } from './fit'

/** A prefix of all names for which the model of the config has no place. */
export interface ForeignPrefix {
  readonly prefix: string
  /** `LlamaForCausalLM`. */
  readonly architecture: string
  /** Tensors whose names are those of the model without it. */
  readonly fits: number
}

/** Fewer tensors than this are no model. */
const LEAST_TENSORS = 4
/** One module in another around a model; real ones have two at most. */
const DEEPEST = 4

const known = new WeakMap<Checkpoint, { readonly found: ForeignPrefix | undefined }>()

/**
 * What stands before every name of the weights, where from_pretrained would find none of them by it and nearly all without it.
 * Transformers looks through the model's own prefix, whether it is missing or doubled (5.18, modeling_utils.py; tried with Llama, GPT-2
 * and BERT), and through no other. Undefined where the config does not tell all names, or the model's own code may load it.
 */
export function foreignPrefixOf(checkpoint: Checkpoint): ForeignPrefix | undefined {
  const made = known.get(checkpoint) ?? { found: make(checkpoint) }
  known.set(checkpoint, made)
  return made.found
}

function make({ config, tensors, layout }: Checkpoint): ForeignPrefix | undefined {
  if ((layout !== 'folder' && layout !== 'trainer') || fieldsOf(config)?.auto_map !== undefined) return undefined
  const weights = tensors.filter(({ component }) => component === 'weights')
  const without = (prefix: string) => new Map(weights.map((tensor) => [tensor.name.slice(prefix.length), tensor]))
  const [first] = weights
  if (!first || weights.length < LEAST_TENSORS || (fitOf(config, without(''))?.present.size ?? 1) > 0) return undefined
  // A body by itself is loaded from a model with a head, and the other way round.
  const own = namingOf(config)?.names
  if (own && weights.some(({ name }) => own.has(patternOf(name)))) return undefined
  const segments = first.name.split('.').slice(0, -1)
  for (let depth = 1; depth <= Math.min(DEEPEST, segments.length); depth++) {
    const prefix = `${segments.slice(0, depth).join('.')}.`
    if (!weights.every(({ name }) => name.startsWith(prefix))) return undefined
    const fit = fitOf(config, without(prefix))
    if (fit && fit.share >= 0.9) return { prefix, architecture: fit.architecture, fits: fit.present.size }
  }
  return undefined
}
