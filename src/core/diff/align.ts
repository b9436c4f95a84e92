import type { Tensor } from '../checkpoint/tensor'

/** Two tensors that stand for the same parameter, or one that only one side has. */
export interface Pair {
  /** The tensor's name; `file: name` where one side has the name in several files. */
  readonly name: string
  readonly a?: Tensor
  readonly b?: Tensor
}

/**
 * Pairs the weights (adapters included) of two checkpoints by name, in A's order, then what only B has. Where several files hold
 * a name (two models saved side by side), tensors of the same file belong together, and what is left pairs in order.
 */
export function align(
  a: readonly Tensor[],
  b: readonly Tensor[],
  filter: (name: string) => boolean = () => true,
): Pair[] {
  const isWeight = ({ component, name }: Tensor) => (component === 'weights' || component === 'adapter') && filter(name)
  return pairByName(a.filter(isWeight), b.filter(isWeight))
}

/** The same for any tensors. */
export function pairByName(a: readonly Tensor[], b: readonly Tensor[]): Pair[] {
  const inA = byName(a)
  const inB = byName(b)
  const names = new Set([...inA.keys(), ...inB.keys()])
  return [...names].flatMap((name) => pairsOf(name, inA.get(name) ?? [], inB.get(name) ?? []))
}

function byName(tensors: readonly Tensor[]): Map<string, Tensor[]> {
  const names = new Map<string, Tensor[]>()
  for (const tensor of tensors) {
    const list = names.get(tensor.name)
    if (list) list.push(tensor)
    else names.set(tensor.name, [tensor])
  }
  return names
}

function pairsOf(name: string, a: readonly Tensor[], b: readonly Tensor[]): Pair[] {
  const several = a.length > 1 || b.length > 1
  const label = (tensor: Tensor) => (several ? `${tensor.file}: ${name}` : name)
  const take = (free: Set<Tensor>, right: Tensor | undefined) => {
    if (right) free.delete(right)
    return right
  }
  const free = new Set(b)
  const byFile = new Map(b.map((right) => [right.file, right]))
  const sameFile = a.map((left) => {
    const right = byFile.get(left.file)
    return right && free.has(right) ? take(free, right) : undefined
  })
  return [
    ...a.map((left, i): Pair => {
      const right = sameFile[i] ?? take(free, free.values().next().value)
      return { name: label(left), a: left, ...(right && { b: right }) }
    }),
    ...[...free].map((right): Pair => ({ name: label(right), b: right })),
  ]
}
