import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { fieldsOf } from '../../decode/plain'
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
}

const known = new WeakMap<Checkpoint, { readonly match: Match | undefined }>()

/**
 * Undefined where the architecture is not known exactly, where the weights are quantized, and where fewer than half of the
 * names fit: then the file is of another model, or names it in its own way, and the config proves nothing.
 */
export function matchOf(checkpoint: Checkpoint): Match | undefined {
  const made = known.get(checkpoint) ?? { match: make(checkpoint) }
  known.set(checkpoint, made)
  return made.match
}

function make({ config, tensors }: Checkpoint): Match | undefined {
  const architecture = architectureOf(config)
  if (!architecture || fieldsOf(config)?.quantization_config !== undefined) return undefined
  const { prefix, parameters } = architecture
  const weights = new Map<string, Tensor>()
  for (const tensor of tensors) if (tensor.component === 'weights') weights.set(unwrapped(tensor.name), tensor)

  const bare = parameters
    .filter(({ name }) => name.startsWith(prefix))
    .map((each) => ({ ...each, name: each.name.slice(prefix.length) }))
  const prefixed = parameters.map((each) => ({ ...each, name: prefix + each.name }))
  const forms = prefix === '' ? [parameters] : [parameters, bare, prefixed]
  const fits = (form: readonly Parameter[]) => form.filter(({ name }) => weights.has(name)).length
  const [form] = [...forms].sort((a, b) => fits(b) - fits(a))
  if (!form || fits(form) * 2 < form.filter(({ optional }) => !optional).length) return undefined

  const present = new Map<Tensor, Parameter>()
  const absent: Parameter[] = []
  for (const each of form) {
    const tensor = weights.get(each.name)
    if (tensor) present.set(tensor, each)
    else if (!each.optional) absent.push(each)
  }
  const strangers = [...weights.values()].filter((tensor) => !present.has(tensor))
  return { architecture: architecture.name, present, absent, strangers, order: form.map(({ name }) => name) }
}
