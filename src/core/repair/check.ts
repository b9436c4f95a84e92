import { sha256 } from '../bytes/sha256'
import { sameShape, type Tensor } from '../checkpoint/tensor'
import { sha256Of } from '../checkpoint/values'
import { AssayError, throwIfAborted } from '../errors'
import type { OutputTensor } from '../write/output'

/** An output that remembers the digest of its values as they went by, so that the source is read once. */
export interface Witnessed extends OutputTensor {
  /** SHA-256 of the values, in hexadecimal. Reads them again only if nobody has read them to their end yet. */
  digest(signal?: AbortSignal): Promise<string>
}

export function witnessed(tensor: OutputTensor): Witnessed {
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
    async digest(signal) {
      if (seen === undefined) for await (const _ of blocks(signal)) throwIfAborted(signal)
      return seen ?? ''
    },
  }
}

/**
 * Compares what a file holds, opened anew, with what was written into it: the same names, dtypes, shapes and values.
 * Returns how many tensors had values to compare. Throws `target/mismatch` at the first that differs.
 */
export async function checkWritten(
  outputs: readonly Witnessed[],
  found: readonly Tensor[],
  file: string,
  options: { readonly signal?: AbortSignal; readonly onTensor?: (tensor: Witnessed) => void } = {},
): Promise<number> {
  const byName = new Map<string, Tensor[]>()
  for (const tensor of found) {
    const same = byName.get(tensor.name)
    if (same) same.push(tensor)
    else byName.set(tensor.name, [tensor])
  }
  let compared = 0
  if (found.length !== outputs.length)
    throw mismatch(file, `${outputs.length} tensors were written, ${found.length} are there`)
  for (const output of outputs) {
    const tensor = byName.get(output.name)?.shift()
    if (!tensor) throw mismatch(file, `${output.name} is not there`)
    if (tensor.dtype !== output.dtype || !sameShape(tensor.shape, output.shape))
      throw mismatch(file, `${output.name} came out as ${tensor.dtype} [${tensor.shape.join(', ')}]`)
    // A tensor that never had values (on the meta device, or of a lost storage) is written as it was.
    if (output.from?.blocks.length === 0 && tensor.blocks.length === 0) continue
    if ((await sha256Of(tensor, options.signal)) !== (await output.digest(options.signal)))
      throw mismatch(file, `the values of ${output.name} differ from those that were written`)
    options.onTensor?.(output)
    compared++
  }
  return compared
}

/** What is thrown when a file does not read back as it was written. */
export function mismatch(file: string, what: string): AssayError {
  return new AssayError('target/mismatch', `Reading ${file} back: ${what}`, {
    file,
    hint: 'Nothing was kept. The disk or the memory of this machine may be faulty.',
  })
}
