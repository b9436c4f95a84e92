import type { Copies } from '../bytes/copies'
import { equalPlaces } from '../bytes/equal'
import { sha256 } from '../bytes/sha256'
import type { FilePlace } from '../bytes/source'
import { COMPARED_BYTES, equalBlocks } from '../checkpoint/equal'
import { byteLength, sameShape, type Tensor } from '../checkpoint/tensor'
import { placeOf, readBlocks, sha256Of } from '../checkpoint/values'
import { AssayError, throwIfAborted } from '../errors'
import type { OutputTensor } from '../write/output'

/** An output that is computed remembers the digest of its values as they went by, so that they are computed once. */
export interface Witnessed extends OutputTensor {
  /**
   * Whether the values that were written are those of `found`, which is of the same dtype and shape. Those of `copies` are not
   * looked at again.
   */
  isSame(found: Tensor, signal?: AbortSignal, copies?: Copies): Promise<boolean>
}

export function witnessed(tensor: OutputTensor): Witnessed {
  if (tensor.isVerbatim) {
    const isSame = async (found: Tensor, signal?: AbortSignal, copies?: Copies) => {
      const length = byteLength(found)
      const own = tensor.from && byteLength(tensor.from) === length ? await placeOf(tensor.from) : undefined
      const theirs = own && (await placeOf(found))
      if (theirs) return isCopied(own, theirs, length, copies, signal)
      const options = { blockBytes: COMPARED_BYTES, ...(signal && { signal }) }
      return equalBlocks(
        tensor.from ? readBlocks(tensor.from, options) : tensor.blocks(signal),
        readBlocks(found, options),
      )
    }
    return { ...tensor, isSame }
  }
  let seen: string | undefined
  async function* blocks(signal?: AbortSignal) {
    const hash = sha256()
    for await (const block of tensor.blocks(signal)) {
      hash.update(block)
      yield block
    }
    seen = hash.hex()
  }
  return {
    ...tensor,
    blocks,
    async isSame(found, signal) {
      // Of tensors that are one, only the first is written.
      if (seen === undefined) for await (const _ of blocks(signal)) throwIfAborted(signal)
      return (await sha256Of(found, signal)) === seen
    },
  }
}

/**
 * Whether `length` bytes are at `copy` as they are at `source`; what `copies` knows of them is not looked at again. Throws as
 * `equalPlaces`.
 */
export function isCopied(
  source: FilePlace,
  copy: FilePlace,
  length: number,
  copies: Copies | undefined,
  signal?: AbortSignal,
): Promise<boolean> {
  const known = Math.min(copies?.known(copy, source) ?? 0, length)
  const rest = (place: FilePlace) => ({ ...place, offset: place.offset + known })
  return equalPlaces(rest(source), rest(copy), length - known, signal)
}

/**
 * Compares what a file holds, opened anew, with what was written into it: the same names, dtypes, shapes and values. Of `copies` the
 * values were read back and compared while the file was written; what remains is that each tensor lies where they are.
 * Returns how many tensors had values to compare. Throws `target/mismatch` at the first that differs.
 */
export async function checkWritten(
  outputs: readonly Witnessed[],
  found: readonly Tensor[],
  file: string,
  options: {
    readonly signal?: AbortSignal
    readonly copies?: Copies
    readonly onTensor?: (tensor: Witnessed) => void
  } = {},
): Promise<number> {
  const byName = new Map<string, Tensor[]>()
  for (const tensor of found) {
    const same = byName.get(tensor.name)
    if (same) same.push(tensor)
    else byName.set(tensor.name, [tensor])
  }
  if (found.length !== outputs.length)
    throw mismatch(file, `${outputs.length} tensors were written, ${found.length} are there`)
  const written = new Map<Tensor, Witnessed>()
  for (const output of outputs) {
    const tensor = byName.get(output.name)?.shift()
    if (!tensor) throw mismatch(file, `${output.name} is not there`)
    if (tensor.dtype !== output.dtype || !sameShape(tensor.shape, output.shape))
      throw mismatch(file, `${output.name} came out as ${tensor.dtype} [${tensor.shape.join(', ')}]`)
    // A tensor that never had values (on the meta device, or of a lost storage) is written as it was.
    if (output.from?.blocks.length === 0 && tensor.blocks.length === 0) continue
    written.set(tensor, output)
  }
  // What was written last is still in the system's cache: from the front, each read would push out what comes next.
  for (const tensor of found.toReversed()) {
    const output = written.get(tensor)
    if (!output) continue
    if (!(await output.isSame(tensor, options.signal, options.copies)))
      throw mismatch(file, `the values of ${output.name} differ from those that were written`)
    options.onTensor?.(output)
  }
  return written.size
}

/** What is thrown when a file does not read back as it was written. */
export function mismatch(file: string, what: string): AssayError {
  return new AssayError('target/mismatch', `Reading ${file} back: ${what}`, {
    file,
    hint: 'Nothing was kept. The disk or the memory of this machine may be faulty.',
  })
}
