/** A tensor that a model of a known architecture has, as transformers names and shapes it when it saves. */
export interface Parameter {
  readonly name: string
  readonly shape: readonly number[]
  /** It need not be in the file: tied to another tensor, or left out by some of the ways to build the model. */
  readonly optional?: true
}

export function parameter(name: string, ...shape: number[]): Parameter {
  return { name, shape }
}

export function optional(parameters: readonly Parameter[]): Parameter[] {
  return parameters.map((each) => ({ ...each, optional: true }))
}

/** torch.nn.Linear: the weight is [out, in]. */
export function linear(name: string, out: number, into: number, bias = true): Parameter[] {
  return [parameter(`${name}.weight`, out, into), ...(bias ? [parameter(`${name}.bias`, out)] : [])]
}

/** A norm over `width` channels; an RMS norm has no bias. */
export function norm(name: string, width: number, bias = true): Parameter[] {
  return [parameter(`${name}.weight`, width), ...(bias ? [parameter(`${name}.bias`, width)] : [])]
}

export function embedding(name: string, rows: number, width: number): Parameter[] {
  return [parameter(`${name}.weight`, rows, width)]
}

/** `count` equal layers `name.0`, `name.1` ... */
export function stack(name: string, count: number, layer: (at: string, index: number) => Parameter[]): Parameter[] {
  return Array.from({ length: count }, (_, i) => layer(`${name}.${i}`, i)).flat()
}
