import type { Kernel } from '../analysis/kernel'
import { isEqual } from '../bytes/equal'
import { itemSize } from '../checkpoint/dtype'
import { grouped, unique } from '../checkpoint/grouped'
import { byteLength, sameShape, type Tensor } from '../checkpoint/tensor'
import { readFirst } from '../checkpoint/values'
import { isLocal, throwIfAborted } from '../errors'
import { unwrapped } from '../verify/shapes/names'
import type { Half, Match, OtherHalf, Pair } from './align'
import { similarOf } from './similar'

/** Tensors whose values begin with the same bytes, this many, are taken for one; the diff that follows looks at all. */
const FINGERPRINT_BYTES = 2 ** 16

interface MoveOptions {
  readonly kernel: Kernel
  readonly signal?: AbortSignal
}

/**
 * Finds what was called otherwise among the pairs that have one side only: first by names without the prefixes that wrappers
 * and heads put before them, then by content, then by names that end alike and values that go together, then, where all that is left has
 * the same shapes in the same order, by that.
 * A pair found so stands in A's place under A's name. Throws only `cancelled`.
 */
export async function pairMoved(pairs: readonly Pair[], options: MoveOptions): Promise<readonly Pair[]> {
  const { signal } = options
  const found = new Map<Pair, Pair>()
  const gone = new Set<Pair>()
  let left = pairs.filter((pair): pair is Half => pair.b === undefined)
  let right = pairs.filter((pair): pair is OtherHalf => pair.a === undefined)
  const join = (match: Match, joined: Iterable<readonly [Half, OtherHalf]>) => {
    for (const [half, other] of joined) {
      found.set(half, { name: half.name, a: half.a, b: other.b, match })
      gone.add(other)
    }
    left = left.filter((half) => !found.has(half))
    right = right.filter((other) => !gone.has(other))
  }
  if (left.length === 0 || right.length === 0) return pairs
  join(
    'prefix',
    sameKey(left, right, (tensor) => bare(tensor.name)),
  )
  if (left.length > 0 && right.length > 0) join('content', await sameContent(left, right, options))
  if (left.length > 0 && right.length > 0) join('similar', await similarOf(left, right, signal))
  if (sameOrder(left, right)) {
    join(
      'order',
      left.map((half, i) => [half, right[i] as OtherHalf] as const),
    )
  }
  return pairs.filter((pair) => !gone.has(pair)).map((pair) => found.get(pair) ?? pair)
}

/** `model.` is a head's name for its backbone, `base_model.model.` PEFT's for the model that it adapts. */
function bare(name: string): string {
  return unwrapped(name).replace(/^(?:module\.|base_model\.model\.|model\.)+(?=.)/, '')
}

/** Pairs those whose key nobody else on their side has. */
function sameKey(left: readonly Half[], right: readonly OtherHalf[], keyOf: (tensor: Tensor) => string) {
  const inB = unique(right, ({ b }) => keyOf(b))
  const joined: [Half, OtherHalf][] = []
  for (const [key, half] of unique(left, ({ a }) => keyOf(a))) {
    const other = inB.get(key)
    if (half && other) joined.push([half, other])
  }
  return joined
}

/**
 * Pairs those of one dtype and shape that begin with the same values, several of them in order. Values that are all one (a
 * new norm's, a zero bias) say nothing of themselves: they pair only beside others that do, and only where both sides have as many.
 */
async function sameContent(left: readonly Half[], right: readonly OtherHalf[], options: MoveOptions) {
  const kind = ({ dtype, shape }: Tensor) => `${dtype} ${shape}`
  const inB = grouped(right, ({ b }) => kind(b))
  const telling: [Half, OtherHalf][] = []
  const mute: [Half, OtherHalf][] = []
  for (const [key, halves] of grouped(left, ({ a }) => kind(a))) {
    const others = inB.get(key)
    if (!others) continue
    const prints = await printsOf(halves, ({ a }) => a, options)
    for (const [print, { items, constant }] of await printsOf(others, ({ b }) => b, options)) {
      const same = prints.get(print)
      if (!same || (constant && same.items.length !== items.length)) continue
      const count = Math.min(same.items.length, items.length)
      for (let i = 0; i < count; i++) (constant ? mute : telling).push([same.items[i] as Half, items[i] as OtherHalf])
    }
  }
  return telling.length > 0 ? [...telling, ...mute] : []
}

async function printsOf<Item>(
  items: readonly Item[],
  tensorOf: (item: Item) => Tensor,
  options: MoveOptions,
): Promise<Map<string, { items: Item[]; constant: boolean }>> {
  const prints = new Map<string, { items: Item[]; constant: boolean }>()
  const buffer = new Uint8Array(FINGERPRINT_BYTES)
  for (const item of items) {
    throwIfAborted(options.signal)
    const read = await fingerprint(tensorOf(item), buffer, options)
    if (!read) continue
    const known = prints.get(read.print)
    if (known) known.items.push(item)
    else prints.set(read.print, { items: [item], constant: read.constant })
  }
  return prints
}

/** Of the first values; undefined where there are none that can be read. */
async function fingerprint(tensor: Tensor, buffer: Uint8Array, { kernel, signal }: MoveOptions) {
  if (tensor.blocks.length === 0 || byteLength(tensor) === 0) return undefined
  try {
    const block = await readFirst(tensor, buffer, signal)
    const item = itemSize(tensor.dtype)
    const constant = isEqual(block.subarray(item), block.subarray(0, block.length - item))
    return { print: kernel.checksum(block), constant }
  } catch (error) {
    if (!isLocal(error)) throw error
  }
  return undefined
}

/** One tensor that went and one that came prove nothing; a whole list of the same shapes is a renamed model. */
function sameOrder(left: readonly Half[], right: readonly OtherHalf[]): boolean {
  return (
    left.length > 1 &&
    left.length === right.length &&
    left.every(({ a }, i) => sameShape(a.shape, (right[i] as OtherHalf).b.shape))
  )
}
