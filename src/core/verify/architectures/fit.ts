import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { fieldsOf, type Plain } from '../../decode/plain'
import { unwrapped } from '../shapes/names'
import { architectureOf } from './blueprint'
import type { Parameter } from './parameter'

/** The tensors of a checkpoint beside the parameters that its config promises. */
export interface Match {
  /** `LlamaForCausalLM`. */
  readonly architecture: string
  readonly present: ReadonlyMap<Tensor, Parameter>
  /** Promised, needed and not there, under the names they would have in this checkpoint. */
  readonly absent: readonly Parameter[]
  /** Tensors that nothing promises: buffers, adapters, parts of another version of the model. */
  readonly strangers: readonly Tensor[]
  /** Names as they are in the checkpoint, in the order in which the model registers its parameters. */
  readonly order: readonly string[]
  /** How many of the parameters that must be there have a tensor, of how many: 1 where all do. */
  readonly share: number
  /** Whether nothing else belongs to the class. */
  readonly whole: boolean
}

/**
 * The tensors held against what `config` promises, however few of them fit. Undefined where the architecture is not known
 * exactly, and where the weights are quantized.
 */
export function fitOf(config: Plain | undefined, weights: ReadonlyMap<string, Tensor>): Match | undefined {
  const architecture = architectureOf(config)
  if (!architecture || fieldsOf(config)?.quantization_config !== undefined) return undefined
  const { name, prefix, parameters, whole } = architecture
  const bare = parameters
    .filter((each) => each.name.startsWith(prefix))
    .map((each) => ({ ...each, name: each.name.slice(prefix.length) }))
  // With a head the body may lack its prefix all the same; transformers looks through that (5.18, modeling_utils.py).
  const headed = parameters.map((each) =>
    each.name.startsWith(prefix) ? { ...each, name: each.name.slice(prefix.length) } : each,
  )
  const prefixed = parameters.map((each) => ({ ...each, name: prefix + each.name }))
  const forms = prefix === '' ? [parameters] : [parameters, bare, headed, prefixed]
  const fits = (form: readonly Parameter[]) => form.filter((each) => weights.has(each.name)).length
  const [form = []] = [...forms].sort((a, b) => fits(b) - fits(a))

  const present = new Map<Tensor, Parameter>()
  const absent: Parameter[] = []
  for (const each of form) {
    const tensor = weights.get(each.name)
    if (tensor) present.set(tensor, each)
    else if (!each.optional) absent.push(each)
  }
  const strangers = [...weights.values()].filter((tensor) => !present.has(tensor))
  const share = present.size / Math.max(1, form.filter(({ optional }) => !optional).length)
  return { architecture: name, present, absent, strangers, order: form.map((each) => each.name), share, whole }
}

const known = new WeakMap<Checkpoint, { readonly fit: Match | undefined }>()

/** The weights of a checkpoint held against its own config, once. */
export function fitTo(checkpoint: Checkpoint): Match | undefined {
  const made = known.get(checkpoint) ?? { fit: fitOf(checkpoint.config, weightsByName(checkpoint)) }
  known.set(checkpoint, made)
  return made.fit
}

/** The weights by the names that the model itself gives them. */
export function weightsByName({ tensors }: Checkpoint): Map<string, Tensor> {
  const weights = new Map<string, Tensor>()
  for (const tensor of tensors) {
    // Norms that came from TensorFlow: transformers renames them as it loads (modeling_utils.py).
    const name = unwrapped(tensor.name)
      .replace(/LayerNorm\.gamma$/, 'LayerNorm.weight')
      .replace(/LayerNorm\.beta$/, 'LayerNorm.bias')
    if (tensor.component === 'weights') weights.set(name, tensor)
  }
  return weights
}
