import type { Checkpoint, OptimizerState } from '../checkpoint/checkpoint'
import { numel, type Tensor } from '../checkpoint/tensor'
import { fieldsOf } from '../decode/plain'
import { AssayError } from '../errors'
import { foreignPrefixOf } from './architectures/foreign-prefix'
import { cleaner } from './shapes/clean-names'
import { weightsOf } from './shapes/evidence'

/** The weights of a checkpoint by the names that the model itself gives them, whatever wrappers left in those names. */
export class Named {
  readonly tensors: readonly Tensor[]
  readonly #clean: (name: string) => string
  readonly #byName = new Map<string, Tensor[]>()
  readonly #byBare = new Map<string, Tensor[]>()

  constructor(checkpoint: Checkpoint) {
    this.tensors = weightsOf(checkpoint)
    const foreign = foreignPrefixOf(checkpoint)?.prefix ?? ''
    const strip = (name: string) => (name.startsWith(foreign) ? name.slice(foreign.length) : name)
    const clean = cleaner(this.tensors.map(({ name }) => strip(name)))
    this.#clean = (name) => clean(strip(name))
    for (const tensor of this.tensors) {
      const same = this.#byName.get(this.nameOf(tensor))
      if (same) same.push(tensor)
      else this.#byName.set(this.nameOf(tensor), [tensor])
      const bare = bareName(this.nameOf(tensor))
      const alike = this.#byBare.get(bare)
      if (alike) alike.push(tensor)
      else this.#byBare.set(bare, [tensor])
    }
  }

  nameOf(tensor: Tensor): string {
    return this.#clean(tensor.name)
  }

  has(name: string): boolean {
    return this.#byName.has(name)
  }

  /** The only tensor whose name is this but for a `module.` that not all names share, as of one of several models in a file. */
  alike(name: string): Tensor | undefined {
    const same = this.#byBare.get(bareName(name)) ?? []
    return same.length === 1 ? same[0] : undefined
  }

  /** The tensor of this name; where several files have one, that in `file`; undefined where it cannot be told which is meant. */
  find(name: string, file: string): Tensor | undefined {
    const same = this.#byName.get(name) ?? []
    return same.length === 1 ? same[0] : same.find((tensor) => tensor.file === file)
  }
}

/** A checkpoint of the same model from which shapes and lost values may be taken. */
export class Reference {
  readonly name: string
  readonly optimizers: readonly OptimizerState[]
  readonly #reference: Named
  readonly #checkpoint: Named

  /** Throws `usage` when the two have no tensor name in common. */
  constructor(checkpoint: Checkpoint, reference: Checkpoint) {
    this.name = reference.name
    this.optimizers = reference.state.optimizers
    this.#reference = new Named(reference)
    this.#checkpoint = new Named(checkpoint)
    if (this.#checkpoint.tensors.some((tensor) => this.#reference.has(this.#checkpoint.nameOf(tensor)))) return
    const empty = [checkpoint, reference].find((_, i) => [this.#checkpoint, this.#reference][i]?.tensors.length === 0)
    if (empty)
      throw new AssayError('usage', `No weight of ${empty.path} can be read: the two cannot be compared`, {
        file: empty.path,
        hint: 'Look at what `assay verify` says of it.',
      })
    throw new AssayError('usage', `${reference.name} and ${checkpoint.name} have no tensor in common`, {
      file: reference.path,
      hint: 'A reference is a checkpoint of the same model: an earlier one, or the one that training started from.',
    })
  }

  /** The reference's tensor of the same name. */
  of(tensor: Tensor): Tensor | undefined {
    const name = this.#checkpoint.nameOf(tensor)
    return this.#reference.find(name, tensor.file) ?? counterpart(this.#reference, name, this.#checkpoint)
  }

  /** The reference's tensor of the same name, where it has values and this one was saved as [0] or [1] in their place. */
  filling(tensor: Tensor): Tensor | undefined {
    const { shape } = tensor
    if (numel(shape) > 1 || shape.length !== 1) return undefined
    const model = this.of(tensor)
    return model && numel(model.shape) > numel(shape) ? model : undefined
  }

  /**
   * Tensors that the checkpoint lacks, under their clean names. One that shares its storage with a tensor the checkpoint has
   * is no loss: safetensors keeps only one of tied weights.
   */
  lacking(config: Checkpoint['config']): { name: string; values: Tensor }[] {
    const tied = fieldsOf(config)?.tie_word_embeddings === true
    const kept = new Set<string>()
    for (const tensor of this.#reference.tensors) {
      if (tensor.storage && this.#checkpoint.has(this.#reference.nameOf(tensor))) kept.add(storageOf(tensor))
    }
    return this.#reference.tensors.flatMap((values) => {
      const name = this.#reference.nameOf(values)
      const isHere = this.#checkpoint.has(name) || counterpart(this.#checkpoint, name, this.#reference)
      if (isHere || (values.storage && kept.has(storageOf(values)))) return []
      return tied && name.endsWith('lm_head.weight') ? [] : [{ name, values }]
    })
  }
}

/** The tensor that goes by `name` under a wrapper; one that `other` has under the same wrapper is another. */
function counterpart(names: Named, name: string, other: Named): Tensor | undefined {
  const found = names.has(name) ? undefined : names.alike(name)
  return found && !other.has(names.nameOf(found)) ? found : undefined
}

function bareName(name: string): string {
  const parts = name.split('.').filter((part) => part !== 'module')
  return parts.join('.')
}

function storageOf({ file, storage }: Tensor): string {
  return `${file}\0${storage?.key}`
}
