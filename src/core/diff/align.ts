import type { Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'

/**
 * How two tensors of different names were found to be one: the user said so, the names differ by a wrapper's prefix only, the
 * values are the same, the names end alike and the values go together, or all that was left over has the same shapes in the same order.
 */
export type Match = 'rename' | 'prefix' | 'content' | 'similar' | 'order'

/** Two tensors that stand for the same parameter, or one that only one side has. */
export interface Pair {
  /** The tensor's name (A's, where B has another); `file: name` where one side has the name in several files. */
  readonly name: string
  readonly a?: Tensor
  readonly b?: Tensor
  /** Set where the names differ. */
  readonly match?: Match
}

/** A pair of which one side alone has a tensor. */
export type Half = Pair & { readonly a: Tensor }
export type OtherHalf = Pair & { readonly b: Tensor }

/** Names of A, or leading parts of them up to a dot (which may be written or not), and what they are called in B. */
export type Renames = ReadonlyMap<string, string>

/**
 * Pairs the weights (adapters included) of two checkpoints by name, in A's order, then what only B has. Where several files hold
 * a name (two models saved side by side), tensors of the same file belong together, and what is left pairs in order.
 * Throws AssayError `usage` where a renaming fits no name: what was misspelt would go on unseen.
 */
export function align(a: readonly Tensor[], b: readonly Tensor[], renames: Renames = new Map()): Pair[] {
  const isWeight = ({ component }: Tensor) => component === 'weights' || component === 'adapter'
  const parts = new Map([...renames].map(([from, to]) => [withoutDot(from), withoutDot(to)]))
  const inA = a.filter(isWeight)
  for (const from of parts.keys()) {
    if (inA.some(({ name }) => from === '' || name === from || name.startsWith(`${from}.`))) continue
    throw new AssayError(
      'usage',
      `A renaming fits nothing: no tensor of the one on the left is called ${from}, or ${from}. and more`,
      {
        hint: 'Write a renaming as the name on the left = the name on the right.',
      },
    )
  }
  return pairByName(inA, b.filter(isWeight), parts)
}

/** The same for any tensors. */
export function pairByName(a: readonly Tensor[], b: readonly Tensor[], renames: Renames = new Map()): Pair[] {
  const inA = byName(a, (name) => renamed(name, renames))
  const inB = byName(b)
  const pairs: Pair[] = []
  for (const [name, tensors] of inA) pairs.push(...pairsOf(tensors, inB.get(name) ?? []))
  for (const [name, tensors] of inB) if (!inA.has(name)) pairs.push(...pairsOf([], tensors))
  return pairs
}

function withoutDot(name: string): string {
  return name.replace(/\.$/, '')
}

/** The whole name if the user named it, else with its longest leading part exchanged that ends at a dot: none at all, for a name in front. */
function renamed(name: string, renames: Renames): string {
  if (renames.size === 0) return name
  const whole = renames.get(name)
  if (whole !== undefined) return whole
  for (let dot = name.lastIndexOf('.'); dot > 0; dot = name.lastIndexOf('.', dot - 1)) {
    const to = renames.get(name.slice(0, dot))
    if (to !== undefined) return to === '' ? name.slice(dot + 1) : `${to}${name.slice(dot)}`
  }
  const before = renames.get('')
  return before ? `${before}.${name}` : name
}

function byName(tensors: readonly Tensor[], called: (name: string) => string = (name) => name): Map<string, Tensor[]> {
  const names = new Map<string, Tensor[]>()
  for (const tensor of tensors) {
    const name = called(tensor.name)
    const list = names.get(name)
    if (list) list.push(tensor)
    else names.set(name, [tensor])
  }
  return names
}

function pairsOf(a: readonly Tensor[], b: readonly Tensor[]): Pair[] {
  const [only, other] = [a[0], b[0]]
  if (a.length <= 1 && b.length <= 1) {
    if (!other) return only ? [{ name: only.name, a: only }] : []
    if (!only) return [{ name: other.name, b: other }]
    const pair = { name: only.name, a: only, b: other }
    return [other.name === only.name ? pair : { ...pair, match: 'rename' }]
  }
  const several = a.length > 1 || b.length > 1
  const label = (tensor: Tensor) => (several ? `${tensor.file}: ${tensor.name}` : tensor.name)
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
      const match = right && right.name !== left.name ? { match: 'rename' as const } : {}
      return { name: label(left), a: left, ...(right && { b: right }), ...match }
    }),
    ...[...free].map((right): Pair => ({ name: label(right), b: right })),
  ]
}
