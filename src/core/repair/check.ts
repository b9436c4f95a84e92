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
 * Returns how many tensors were compared. Throws `target/mismatch` at the first that differs.
 */
export async function checkWritten(
  outputs: readonly Witnessed[],
  found: readonly Tensor[],
  file: string,
  options: { readonly signal?: AbortSignal; readonly onTensor?: (tensor: Witnessed) => void } = {},
): Promise<number> {
  const byName = new Map(found.map((tensor) => [tensor.name, tensor]))
  if (byName.size !== outputs.length)
    throw mismatch(file, `${outputs.length} tensors were written, ${byName.size} are there`)
  for (const output of outputs) {
    const tensor = byName.get(output.name)
    if (!tensor) throw mismatch(file, `${output.name} is not there`)
    if (tensor.dtype !== output.dtype || !sameShape(tensor.shape, output.shape))
      throw mismatch(file, `${output.name} came out as ${tensor.dtype} [${tensor.shape.join(', ')}]`)
    if ((await sha256Of(tensor, options.signal)) !== (await output.digest(options.signal)))
      throw mismatch(file, `the values of ${output.name} differ from those that were written`)
    options.onTensor?.(output)
  }
  return outputs.length
}

function mismatch(file: string, what: string): AssayError {
  return new AssayError('target/mismatch', `Reading ${file} back: ${what}`, {
    file,
    hint: 'Nothing was kept. The disk or the memory of this machine may be faulty.',
  })
}
