import { decodeValues } from '../analysis/decode-values'
import { isComplex, itemSize } from '../checkpoint/dtype'
import { grouped, unique } from '../checkpoint/grouped'
import type { Tensor } from '../checkpoint/tensor'
import { readFirst } from '../checkpoint/values'
import { isLocal, throwIfAborted } from '../errors'
import type { Half, OtherHalf } from './align'

/** Last parts of two names that are compared, at most. */
const LONGEST_ENDING = 6
/** Values that are looked at, and how few are too few to tell anything. */
const LOOKED_AT = 2 ** 14
const TELLING = 64
/** Bytes of the longest real number. */
const LONGEST_ITEM = 8
/** Of values that have nothing to do with each other it is near 0; ten thousand steps of training leave more. */
const CORRELATED = 0.5

type Sides = readonly [Half, OtherHalf]

/**
 * Pairs tensors that were renamed and then trained further: of one shape, with the same numbers in their names and the same endings, the
 * longest first, and only where nobody else on their side has them; and whose values correlate. Those that say nothing (all one
 * value, or too few) pair beside others that do. Throws only `cancelled`.
 */
export async function similarOf(
  left: readonly Half[],
  right: readonly OtherHalf[],
  signal: AbortSignal | undefined,
): Promise<Sides[]> {
  const found: Sides[] = []
  const mute: Sides[] = []
  const [first, second] = [valueReader(signal), valueReader(signal)]
  for (const sides of candidates(left, right)) {
    throwIfAborted(signal)
    const correlation = correlationOf(await first(sides[0].a), await second(sides[1].b))
    if (correlation === undefined) mute.push(sides)
    else if (correlation >= CORRELATED) found.push(sides)
  }
  return found.length > 0 ? [...found, ...mute] : []
}

function* candidates(left: readonly Half[], right: readonly OtherHalf[]): Generator<Sides> {
  const others = grouped(right, ({ b }) => kindOf(b))
  for (const [kind, halves] of grouped(left, ({ a }) => kindOf(a))) yield* byEnding(halves, others.get(kind) ?? [])
}

/** The shape, and the numbers in the name: a layer's, an expert's. */
function kindOf({ name, shape }: Tensor): string {
  let kind = shape.join()
  for (let at = 0, dot = 0; dot >= 0; at = dot + 1) {
    dot = name.indexOf('.', at)
    const part = dot < 0 ? name.slice(at) : name.slice(at, dot)
    if (/^\d+$/.test(part)) kind += ` ${part}`
  }
  return kind
}

function byEnding(left: readonly Half[], right: readonly OtherHalf[]): Sides[] {
  const [half, other] = [left[0], right[0]]
  if (half && other && left.length === 1 && right.length === 1) return [[half, other]]
  const pairs: Sides[] = []
  let [inA, inB] = [left, right]
  for (let count = LONGEST_ENDING; count >= 0 && inA.length > 0 && inB.length > 0; count--) {
    const others = unique(inB, ({ b }) => endingOf(b.name, count))
    const taken = new Set<Half | OtherHalf>()
    for (const [end, a] of unique(inA, ({ a }) => endingOf(a.name, count))) {
      const b = others.get(end)
      if (!a || !b) continue
      pairs.push([a, b])
      taken.add(a).add(b)
    }
    inA = inA.filter((each) => !taken.has(each))
    inB = inB.filter((each) => !taken.has(each))
  }
  return pairs
}

/** The last `count` parts of a name. */
function endingOf(name: string, count: number): string {
  let from = name.length + 1
  for (let i = 0; i < count && from > 0; i++) from = from < 2 ? 0 : name.lastIndexOf('.', from - 2) + 1
  return name.slice(from)
}

/** Reads the first values of tensors into memory of its own: none where they cannot be read, or are no numbers on a line. */
function valueReader(signal: AbortSignal | undefined): (tensor: Tensor) => Promise<Float64Array> {
  const bytes = new Uint8Array(LOOKED_AT * LONGEST_ITEM)
  const values = new Float64Array(LOOKED_AT * 2)
  const none = values.subarray(0, 0)
  return async (tensor) => {
    if (isComplex(tensor.dtype) || tensor.blocks.length === 0) return none
    try {
      const block = await readFirst(tensor, bytes.subarray(0, LOOKED_AT * itemSize(tensor.dtype)), signal)
      return decodeValues(tensor.dtype, block, values)
    } catch (error) {
      if (!isLocal(error)) throw error
      return none
    }
  }
}

/** Pearson's; undefined where there is too little to tell by. */
function correlationOf(a: Float64Array, b: Float64Array): number | undefined {
  const n = Math.min(a.length, b.length)
  if (n < TELLING) return undefined
  const mean = (values: Float64Array) => values.subarray(0, n).reduce((sum, value) => sum + value / n, 0)
  const [meanA, meanB] = [mean(a), mean(b)]
  let [aa, bb, ab] = [0, 0, 0]
  for (let i = 0; i < n; i++) {
    const [x, y] = [(a[i] as number) - meanA, (b[i] as number) - meanB]
    aa += x * x
    bb += y * y
    ab += x * y
  }
  const correlation = ab / Math.sqrt(aa * bb)
  return Number.isFinite(correlation) ? correlation : undefined
}
