import { referenceKernel } from '../analysis/reference'
import { itemSize } from '../checkpoint/dtype'
import type { Tensor } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'
import { AssayError } from '../errors'

/** Values compared. Enough to tell an order of values from another, few enough to be read at once. */
const SAMPLE = 65536

/** What the first values of two tensors, in row-major order, have in common. */
export interface Likeness {
  readonly compared: number
  readonly identical: boolean
  /** Null when either side has no length. */
  readonly cosine: number | null
  /** Standard deviation of the first by that of the second; null when one has none. */
  readonly ratio: number | null
}

/** Compares the first 65,536 values of two tensors of one element count. Throws as `readBlocks`. */
export async function likenessOf(a: Tensor, b: Tensor, signal?: AbortSignal): Promise<Likeness> {
  const [left, right] = [await head(a, signal), await head(b, signal)]
  const pair = referenceKernel.comparison(a.dtype, b.dtype)
  pair.update(left, right)
  const { count, changed, cosine } = pair.result()
  const [spreadA, spreadB] = [spread(a, left), spread(b, right)]
  const ratio = spreadA === null || spreadB === null || spreadB === 0 ? null : spreadA / spreadB
  return { compared: count, identical: changed === 0, cosine, ratio }
}

/** A file that cannot be read has its finding; here it only means that there is no evidence. */
export function unlessCancelled(error: unknown): undefined {
  if (error instanceof AssayError && error.code !== 'cancelled') return undefined
  throw error
}

function spread({ dtype }: Tensor, bytes: Uint8Array): number | null {
  const statistics = referenceKernel.statistics(dtype)
  statistics.update(bytes)
  return statistics.result().std
}

async function head(tensor: Tensor, signal?: AbortSignal): Promise<Uint8Array> {
  const blockBytes = SAMPLE * itemSize(tensor.dtype)
  for await (const block of readBlocks(tensor, { blockBytes, ...(signal && { signal }) })) return block.slice()
  return new Uint8Array(0)
}
