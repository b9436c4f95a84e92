import { breathe } from '../bytes/breathe'
import { type ByteSink, LARGEST_COPY } from '../bytes/sink'
import type { ByteSource, FilePlace } from '../bytes/source'
import type { DType } from '../checkpoint/dtype'
import { byteLength, type Tensor } from '../checkpoint/tensor'
import { placeOf, readBlocks } from '../checkpoint/values'
import { AssayError, throwIfAborted } from '../errors'

/** A tensor to be written: what it is called and how its values come. */
export interface OutputTensor {
  readonly name: string
  readonly dtype: DType
  readonly shape: readonly number[]
  /** The tensor of an open checkpoint whose values these are, perhaps reshaped or cast. */
  readonly from?: Tensor
  /** Set where the values are those of `from`, bit for bit: they can be read again at no cost. */
  readonly isVerbatim?: boolean
  /**
   * The values: contiguous, row-major, little-endian, whole elements. An array may be reused by the next step.
   * Throws what the source throws (`file/truncated`, `file/unreadable`) and `cancelled`.
   */
  blocks(signal?: AbortSignal): AsyncIterable<Uint8Array>
}

/** Bytes done, bytes in all, and what is being written. */
export type OnProgress = (done: number, total: number, label: string) => void

export interface WriteOptions {
  readonly signal?: AbortSignal
  readonly onProgress?: OnProgress
}

/** `tensor` as it is, or under another name or in another shape of the same number of elements. */
export function outputOf(
  tensor: Tensor,
  change: { readonly name?: string; readonly shape?: readonly number[] } = {},
): OutputTensor {
  return {
    name: change.name ?? tensor.name,
    dtype: tensor.dtype,
    shape: change.shape ?? tensor.shape,
    from: tensor,
    isVerbatim: true,
    blocks: (signal) => readBlocks(tensor, signal ? { signal } : {}),
  }
}

/**
 * The blocks of `tensor`, checked: throws `target/wrong-length` when they do not add up to exactly its dtype and shape,
 * so that what follows it in the file stays where the header says.
 */
export async function* exactBlocks(tensor: OutputTensor, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const expected = byteLength(tensor)
  let got = 0
  if (expected > 0) {
    for await (const block of tensor.blocks(signal)) {
      throwIfAborted(signal)
      got += block.byteLength
      if (got > expected) break
      yield block
    }
  }
  if (got === expected) return
  throw new AssayError(
    'target/wrong-length',
    `${tensor.name}: ${tensor.dtype} [${tensor.shape.join(', ')}] has ${expected} bytes, but its values came as ${got}`,
  )
}

/** What is smaller is as soon read. */
const WORTH_COPYING = 2 ** 16

/** Who follows what is put into a sink. */
export interface Pouring {
  /** Told the length of each piece. */
  readonly onBytes?: (bytes: number) => void
  /** Told the bytes themselves, which it must not keep. */
  readonly onBlock?: (bytes: Uint8Array) => void
  readonly signal?: AbortSignal
}

/**
 * Puts the values of `tensor` into the sink: from file to file where they lie in one as they are to be written, block by block
 * elsewhere. Throws as `exactBlocks`, and what the sink throws.
 */
export async function pour(sink: ByteSink, tensor: OutputTensor, pouring: Pouring): Promise<void> {
  const length = byteLength(tensor)
  const { from } = tensor
  const isWhole = tensor.isVerbatim && from && length >= WORTH_COPYING && byteLength(from) === length
  const place = isWhole && sink.copy ? await placeOf(from) : undefined
  if (place) return copyFrom(sink, place, length, pouring)
  for await (const block of exactBlocks(tensor, pouring.signal)) await pourBlock(sink, block, pouring)
}

/** The same for all bytes of a source. */
export async function pourSource(sink: ByteSink, source: ByteSource, pouring: Pouring): Promise<void> {
  const place = sink.copy && source.size >= WORTH_COPYING ? await source.locate?.() : undefined
  if (place) return copyFrom(sink, place, source.size, pouring)
  for await (const block of sourceBlocks(source, pouring.signal)) await pourBlock(sink, block, pouring)
}

async function pourBlock(sink: ByteSink, block: Uint8Array, { onBlock, onBytes }: Pouring): Promise<void> {
  onBlock?.(block)
  await sink.write(block)
  onBytes?.(block.byteLength)
}

/** Puts the next `length` bytes at a place into a sink that is a file. Throws as `ByteSource.read`, as the sink, and `cancelled`. */
export async function copyFrom(
  sink: ByteSink,
  place: FilePlace,
  length: number,
  { onBytes, onBlock, signal }: Pouring,
): Promise<void> {
  for (let at = 0; at < length; at += LARGEST_COPY) {
    await breathe()
    throwIfAborted(signal)
    const bytes = Math.min(LARGEST_COPY, length - at)
    await sink.copy?.(place, place.offset + at, bytes, onBlock)
    onBytes?.(bytes)
  }
}

/** All bytes of a source in blocks of 1 MiB; the array is used again for the next block. Throws as `ByteSource.read`. */
export async function* sourceBlocks(source: ByteSource, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
  const buffer = new Uint8Array(Math.min(source.size, 2 ** 20))
  for (let at = 0; at < source.size; at += buffer.byteLength) {
    throwIfAborted(signal)
    const block = buffer.subarray(0, Math.min(buffer.byteLength, source.size - at))
    await source.read(at, block)
    yield block
  }
}

/** Throws `target/duplicate-name` when two tensors bear one name: a reader would keep only one of them. */
export function refuseDuplicates(tensors: readonly Pick<OutputTensor, 'name'>[]): void {
  const seen = new Set<string>()
  for (const { name } of tensors) {
    if (seen.has(name)) throw new AssayError('target/duplicate-name', `Two tensors would be written as ${name}`)
    seen.add(name)
  }
}
