import { fieldsOf, numberOf, type Plain } from '../../decode/plain'

/** More layers (or experts) than this no config is believed to mean. */
const MOST_LAYERS = 2000

/**
 * A config.json that is asked for what a model's shapes need. What it does not tell is remembered in `untold` and answered
 * with 0, so that a blueprint reads straight through; its result is worth nothing then.
 */
export class Config {
  untold = false
  private readonly fields: { readonly [key: string]: Plain }

  constructor(config: Plain | undefined) {
    this.fields = fieldsOf(config) ?? {}
  }

  /** A width, a number of rows or channels. */
  size(key: string, otherwise?: number): number {
    const value = numberOf(this.fields[key]) ?? otherwise
    if (value !== undefined && Number.isSafeInteger(value) && value > 0) return value
    this.untold = true
    return 0
  }

  /** A number of layers, experts or processes: of what is repeated. */
  count(key: string, otherwise?: number): number {
    const value = this.size(key, otherwise)
    if (value <= MOST_LAYERS) return value
    this.untold = true
    return 0
  }

  /** What `whole` parts have together, an equal share for each; untold where it does not divide. */
  share(all: number, whole: number): number {
    if (Number.isInteger(all / whole)) return all / whole
    this.untold = true
    return 0
  }

  flag(key: string, otherwise: boolean): boolean {
    const value = this.fields[key]
    return typeof value === 'boolean' ? value : otherwise
  }

  text(key: string): string {
    const value = this.fields[key]
    return typeof value === 'string' ? value : ''
  }

  /** Classes of a classifier: transformers writes them as `id2label`, and leaves two of them out. */
  labels(): number {
    const labels = fieldsOf(this.fields.id2label)
    return labels ? Object.keys(labels).length : this.size('num_labels', 2)
  }

  /** The config of one tower. */
  part(key: string): Config {
    return new Config(this.fields[key])
  }

  /** Whether the head surely has a weight of its own. Where the config is silent, defaults differ between versions. */
  get untied(): boolean {
    return this.fields.tie_word_embeddings === false
  }

  /** `LlamaForCausalLM`: the first class of `architectures`. */
  get architecture(): string {
    const { architectures } = this.fields
    const [first] = Array.isArray(architectures) ? architectures : []
    return typeof first === 'string' ? first : ''
  }
}

/** A config of which only the switches count: all sizes are 1. */
export class Sketch extends Config {
  override size(): number {
    return 1
  }

  override count(): number {
    return 1
  }

  override share(): number {
    return 1
  }

  override labels(): number {
    return 1
  }

  override part(): Config {
    return new Sketch({})
  }
}
