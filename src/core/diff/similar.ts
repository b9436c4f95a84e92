import { blockDecoder } from '../analysis/decode-values'
import { isComplex, itemSize } from '../checkpoint/dtype'
import { grouped } from '../checkpoint/grouped'
import type { Tensor } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'
import { isLocal, throwIfAborted } from '../errors'

/** Last parts of two names that are compared, at most. */
const LONGEST_ENDING = 6
/** Values that are looked at, and how few are too few to tell anything. */
const LOOKED_AT = 2 ** 14
const TELLING = 64
/** Of values that have nothing to do with each other it is near 0; ten thousand steps of training leave more. */
const CORRELATED = 0.5

interface Sides {
  readonly a: Tensor
  readonly b: Tensor
}

/**
 * Pairs tensors that were renamed and then trained further: of one shape, with the same numbers in their names and the same endings, the
 * longest first, and only where nobody else on their side has them; and whose values correlate. Those that say nothing (all one
 * value, or too few) pair beside others that do. Throws only `cancelled`.
 */
export async function similarOf(
  left: readonly Tensor[],
  right: readonly Tensor[],
  signal: AbortSignal | undefined,
): Promise<Sides[]> {
  const found: Sides[] = []
  const mute: Sides[] = []
  for (const sides of candidates(left, right)) {
    throwIfAborted(signal)
    const correlation = correlationOf(await valuesOf(sides.a, signal), await valuesOf(sides.b, signal))
    if (correlation === undefined) mute.push(sides)
    else if (correlation >= CORRELATED) found.push(sides)
  }
  return found.length > 0 ? [...found, ...mute] : []
}

function candidates(left: readonly Tensor[], right: readonly Tensor[]): Sides[] {
  const others = grouped(right, kindOf)
  return [...grouped(left, kindOf)].flatMap(([kind, tensors]) => byEnding(tensors, others.get(kind) ?? []))
}

/** The shape, and the numbers in the name: a layer's, an expert's. */
function kindOf({ name, shape }: Tensor): string {
  return `${shape} ${name.match(/(?<=^|\.)\d+(?=\.|$)/g)}`
}

function byEnding(left: readonly Tensor[], right: readonly Tensor[]): Sides[] {
  const pairs: Sides[] = []
  let [inA, inB] = [left, right]
  for (let count = LONGEST_ENDING; count >= 0 && inA.length > 0 && inB.length > 0; count--) {
    const ending = ({ name }: Tensor) => (count === 0 ? '' : name.split('.').slice(-count).join('.'))
    const others = grouped(inB, ending)
    const taken = new Set<Tensor>()
    for (const [end, [a, ...more]] of grouped(inA, ending)) {
      const [b, ...alike] = others.get(end) ?? []
      if (!a || !b || more.length + alike.length > 0) continue
      pairs.push({ a, b })
      taken.add(a).add(b)
    }
    inA = inA.filter((tensor) => !taken.has(tensor))
    inB = inB.filter((tensor) => !taken.has(tensor))
  }
  return pairs
}

/** The first values; none where they cannot be read, or are no numbers on a line. */
async function valuesOf(tensor: Tensor, signal: AbortSignal | undefined): Promise<Float64Array> {
  if (isComplex(tensor.dtype) || tensor.blocks.length === 0) return new Float64Array()
  try {
    const blockBytes = LOOKED_AT * itemSize(tensor.dtype)
    for await (const block of readBlocks(tensor, { blockBytes, ...(signal && { signal }) })) {
      return Float64Array.from(blockDecoder(tensor.dtype)(block))
    }
  } catch (error) {
    if (!isLocal(error)) throw error
  }
  return new Float64Array()
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
