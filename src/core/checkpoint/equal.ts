import { equalPlaces, isEqual } from '../bytes/equal'
import { byteLength, type Tensor } from './tensor'
import { placeOf, readBlocks } from './values'

/** Two blocks of this size stay in the processor's cache while they are compared. */
export const COMPARED_BYTES = 2 ** 18

/**
 * Whether two tensors of one dtype and as many elements have the same values, bit for bit, up to the first that are not. Where both
 * lie in files as they are, nothing is copied. Throws as `readBlocks`.
 */
export async function equalValues(a: Tensor, b: Tensor, signal?: AbortSignal): Promise<boolean> {
  const length = a.shape.includes(0) ? 0 : byteLength(a)
  if (length !== (b.shape.includes(0) ? 0 : byteLength(b))) return false
  if (length === 0) return true
  const [inA, inB] = [await placeOf(a), await placeOf(b)]
  if (inA && inB) return equalPlaces(inA, inB, length, signal)
  const options = { blockBytes: COMPARED_BYTES, ...(signal && { signal }) }
  return equalBlocks(readBlocks(a, options), readBlocks(b, options))
}

/** Whether two streams say the same. Their blocks need not end at the same places. */
export async function equalBlocks(a: AsyncIterable<Uint8Array>, b: AsyncIterable<Uint8Array>): Promise<boolean> {
  const other = b[Symbol.asyncIterator]()
  let theirs: Uint8Array = new Uint8Array(0)
  try {
    for await (let mine of a) {
      while (mine.byteLength > 0) {
        if (theirs.byteLength === 0) {
          const next = await other.next()
          if (next.done) return false
          theirs = next.value
          continue
        }
        const length = Math.min(mine.byteLength, theirs.byteLength)
        if (!isEqual(mine.subarray(0, length), theirs.subarray(0, length))) return false
        mine = mine.subarray(length)
        theirs = theirs.subarray(length)
      }
    }
    return theirs.byteLength === 0 && (await other.next()).done === true
  } finally {
    await other.return?.()
  }
}
