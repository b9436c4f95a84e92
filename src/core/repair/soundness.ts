import type { Kernel } from '../analysis/kernel'
import { statisticsOf } from '../analysis/statistics'
import { byteLength, type Tensor } from '../checkpoint/tensor'
import { placeOf } from '../checkpoint/values'
import type { Progress } from './progress'

interface Reading {
  readonly kernel: Kernel
  readonly progress: Progress
  readonly signal?: AbortSignal
}

/**
 * Which tensors hold only numbers: a plan is made anew with every word of the user, and gigabytes that were read for the last one
 * need not be read again. Remembered by the place in the file, for as long as the file is the same.
 */
export class Soundness {
  readonly #known = new Map<string, boolean>()

  /** Bytes that `of` would read of all these; of several at one place it reads the first. Throws as `readBlocks` where one has no values. */
  async bytes(tensors: readonly Tensor[]): Promise<number> {
    const counted = new Set<string>()
    let bytes = 0
    for (const tensor of tensors) {
      const key = await keyOf(tensor)
      if (key !== undefined && (this.#known.has(key) || counted.has(key))) continue
      if (key !== undefined) counted.add(key)
      bytes += byteLength(tensor)
    }
    return bytes
  }

  /** Whether there is neither a NaN nor an infinity in it. Throws as `readBlocks`. */
  async of(tensor: Tensor, { kernel, progress, signal }: Reading): Promise<boolean> {
    const key = await keyOf(tensor)
    const known = key === undefined ? undefined : this.#known.get(key)
    if (known !== undefined) return known
    const onBytes = (bytes: number) => progress.add(bytes, tensor.name)
    const { nan, inf } = await statisticsOf(tensor, kernel, { onBytes, ...(signal && { signal }) })
    const isSound = nan + inf === 0
    if (key !== undefined) this.#known.set(key, isSound)
    return isSound
  }
}

async function keyOf(tensor: Tensor): Promise<string | undefined> {
  const place = await placeOf(tensor)
  if (!place) return undefined
  const { dev, ino, size, mtimeMs } = place.file
  return [dev, ino, size, mtimeMs, place.offset, tensor.dtype, byteLength(tensor)].join(' ')
}
