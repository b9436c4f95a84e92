import { breathe } from '../bytes/breathe'
import { sha256 } from '../bytes/sha256'
import { type FilePlace, locateWithin } from '../bytes/source'
import { AssayError, throwIfAborted } from '../errors'
import { itemSize } from './dtype'
import { gather, spanOf } from './gather'
import { type Block, byteLength, isWhole, numel, type Tensor } from './tensor'

export interface ReadOptions {
  /** Upper bound of a yielded block; rounded down to whole elements, at least one. Default 1 MiB. */
  readonly blockBytes?: number
  readonly signal?: AbortSignal
}

const MEBIBYTE = 2 ** 20
/** Blocks gathered together when a view walks its storage in another order than its indices (a transposed weight). */
const BLOCKS_A_SLAB = 64
/** A view may repeat the bytes it lies over (`expand`) this many times, once its values outgrow `EXPANDED_BYTES`. */
const MAX_REPEAT = 1024
const EXPANDED_BYTES = 1024 * MEBIBYTE

/**
 * The values of a tensor as contiguous row-major little-endian elements, whatever its strides, blocks and byte order.
 * Every yielded block but the last holds exactly `blockBytes` rounded down to whole elements, so two tensors of one element
 * count can be read in step. The array may be used again for the next block: copy what must be kept.
 *
 * Memory: one block for contiguous values and for views whose strides fall from the first dimension to the last; for any
 * other view (transposed, permuted) 64 blocks, so that a 4 GB transposed matrix is read in 64 passes of runs of some
 * kilobytes, each byte once, instead of one element at a time.
 *
 * Throws AssayError `weights/placeholder` when no values are stored, `file/truncated` when a block reaches beyond its source,
 * `weights/missing-shard` when some of
 * them are not here, `file/bad-header` when the blocks do not fit the tensor, `file/resource-bomb` when a small storage is expanded beyond
 * all measure, `cancelled`.
 */
export async function* readBlocks(tensor: Tensor, options: ReadOptions = {}): AsyncGenerator<Uint8Array> {
  if (tensor.shape.includes(0)) return
  checkBlocks(tensor)
  const item = itemSize(tensor.dtype)
  const total = numel(tensor.shape)
  const block = Math.min(Math.max(Math.floor((options.blockBytes ?? MEBIBYTE) / item), 1), total)
  const contiguous = contiguousBlock(tensor)
  const slab = contiguous || tensor.blocks.every(isOrdered) ? block : Math.min(block * BLOCKS_A_SLAB, total)
  const buffer = new Uint8Array(slab * item)

  for (let from = 0; from < total; from += slab) {
    await breathe()
    throwIfAborted(options.signal)
    const bytes = buffer.subarray(0, Math.min(slab, total - from) * item)
    if (contiguous) await contiguous.source.read(contiguous.offset + from * item, bytes)
    else await gather(tensor, from, bytes, options.signal)
    for (let at = 0; at < bytes.length; at += block * item) {
      yield bytes.subarray(at, Math.min(at + block * item, bytes.length))
    }
  }
}

/**
 * The first values, as `readBlocks` gives them, as many as `buffer` has room for: in `buffer`, or in memory that is used again.
 * Throws as `readBlocks`; no element may be longer than `buffer`.
 */
export async function readFirst(tensor: Tensor, buffer: Uint8Array, signal?: AbortSignal): Promise<Uint8Array> {
  if (tensor.shape.includes(0)) return buffer.subarray(0, 0)
  const block = plainBlock(tensor)
  const located = block?.source.locate?.()
  const place = located instanceof Promise ? await located : located
  if (block && place) {
    await breathe()
    throwIfAborted(signal)
    const item = itemSize(tensor.dtype)
    const bytes = buffer.subarray(0, Math.min(Math.floor(buffer.length / item), numel(tensor.shape)) * item)
    place.readNow(place.offset + block.offset, bytes)
    return bytes
  }
  for await (const bytes of readBlocks(tensor, { blockBytes: buffer.length, ...(signal && { signal }) })) return bytes
  return buffer.subarray(0, 0)
}

/**
 * All values at once, in memory of their own. Throws AssayError `file/resource-bomb` when they need more than `limitBytes`,
 * and as `readBlocks`.
 */
export async function readAll(tensor: Tensor, limitBytes: number): Promise<Uint8Array> {
  const length = tensor.shape.includes(0) ? 0 : byteLength(tensor)
  if (length > limitBytes) {
    throw new AssayError('file/resource-bomb', `${tensor.name}: ${length} bytes, more than the ${limitBytes} allowed`, {
      file: tensor.file,
    })
  }
  const all = new Uint8Array(length)
  let at = 0
  for await (const block of readBlocks(tensor)) {
    all.set(block, at)
    at += block.length
  }
  return all
}

/** SHA-256, in hexadecimal, of the values as contiguous row-major little-endian bytes. Throws as `readBlocks`. */
export async function sha256Of(tensor: Tensor, signal?: AbortSignal): Promise<string> {
  const hash = sha256()
  for await (const block of readBlocks(tensor, signal ? { signal } : {})) hash.update(block)
  return hash.hex()
}

/**
 * The block that holds all values as contiguous row-major little-endian elements, if there is one, for those who read it
 * themselves. Throws as `readBlocks` where the tensor has no values or its blocks lie.
 */
export function plainBlock(tensor: Tensor): Block | undefined {
  checkBlocks(tensor)
  return contiguousBlock(tensor)
}

/** Whether all values are there and lie inside their files, as far as the headers tell. Reads nothing. */
export function isReadable(tensor: Tensor): boolean {
  const { blocks, dtype } = tensor
  const isCut = ({ source, offset, shape, strides }: Block) =>
    offset + spanOf(shape, strides) * itemSize(dtype) > source.size
  return blocks.length > 0 && isWhole(tensor) && !blocks.some(isCut)
}

/**
 * Where all values lie in a file on disk as contiguous row-major little-endian elements, if they do. Throws as `readBlocks` where
 * the tensor has no values or its blocks lie.
 */
export async function placeOf(tensor: Tensor): Promise<FilePlace | undefined> {
  const block = contiguousBlock(tensor) && plainBlock(tensor)
  return block && locateWithin(block.source, block.offset)
}

/** The block that holds the whole tensor as plain bytes in order, if there is one. */
export function contiguousBlock(tensor: Tensor): Block | undefined {
  const [block] = tensor.blocks
  if (tensor.blocks.length !== 1 || block === undefined || block.bigEndian) return undefined
  let step = 1
  for (let d = block.shape.length - 1; d >= 0; d--) {
    const extent = block.shape[d] as number
    if (extent !== 1 && block.strides[d] !== step) return undefined
    step *= Math.max(extent, 1)
  }
  return block
}

/** Whether walking the block's indices in order never goes back in the source. */
function isOrdered(block: Block): boolean {
  const strides = block.strides.filter((_, i) => (block.shape[i] as number) > 1)
  return strides.every((stride, i) => i === 0 || stride <= (strides[i - 1] as number))
}

/**
 * Refuses blocks that lie: about their source, or about the part of the tensor they fill. Nothing is allocated before this.
 * Throws as `readBlocks`.
 */
export function checkBlocks(tensor: Tensor): void {
  const { name, file, blocks, shape } = tensor
  if (blocks.length === 0) {
    throw new AssayError('weights/placeholder', `${name}: ${file} names this tensor but holds no values of it`, {
      file,
      hint: 'Take the values from another checkpoint.',
    })
  }
  let storedBytes = 0
  for (const block of blocks) storedBytes += checkBlock(tensor, block)

  let filled = 0
  for (const block of blocks) filled += numel(block.shape)
  if (filled < numel(shape)) {
    throw new AssayError('weights/missing-shard', `${name}: only ${filled} of its ${numel(shape)} values are here`, {
      file,
      hint: 'Find the file that holds the others.',
    })
  }
  if (filled > numel(shape) || overlapping(blocks)) {
    throw new AssayError(
      'file/bad-header',
      `${name}: its ${blocks.length} pieces hold ${filled} values and do not fill its shape [${shape.join(', ')}] exactly`,
      { file },
    )
  }
  const length = byteLength(tensor)
  if (length > EXPANDED_BYTES && length > storedBytes * MAX_REPEAT) {
    throw new AssayError(
      'file/resource-bomb',
      `${name}: its shape [${shape.join(', ')}] makes ${length} bytes out of ${storedBytes} stored ones`,
      { file },
    )
  }
}

/** Bytes of its source that the block spans. */
function checkBlock(tensor: Tensor, block: Block): number {
  const { name, file, shape } = tensor
  const { strides, start, shape: extents, offset } = block
  const rank = shape.length
  let inside = isNatural(offset) && extents.length === rank && start.length === rank && strides.length === rank
  for (let d = 0; d < rank && inside; d++) {
    const [from, extent, stride] = [start[d] as number, extents[d] as number, strides[d] as number]
    inside = isNatural(stride) && isNatural(from) && isNatural(extent) && from + extent <= (shape[d] as number)
  }
  if (!inside) {
    throw new AssayError('file/bad-header', `${name}: a piece of it does not lie inside [${shape.join(', ')}]`, {
      file,
    })
  }
  const bytes = spanOf(block.shape, block.strides) * itemSize(tensor.dtype)
  if (block.offset + bytes > block.source.size) {
    throw new AssayError(
      'file/truncated',
      `${name}: its values reach to byte ${block.offset + bytes} of ${block.source.name}, which has only ${block.source.size}`,
      { file, offset: block.offset, hint: 'Copy or download the file again.' },
    )
  }
  return bytes
}

function isNatural(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

interface Box {
  readonly start: readonly number[]
  readonly shape: readonly number[]
}

/** Whether two boxes claim one value. Sorted where they begin in the dimension that most tells them apart, a box is compared only with those that begin inside it. */
export function overlapping(boxes: readonly Box[]): boolean {
  const rank = boxes[0]?.shape.length ?? 0
  if (boxes.length < 2) return false
  if (rank === 0) return true
  const starts = (d: number) => new Set(boxes.map(({ start }) => start[d])).size
  let main = 0
  for (let d = 1; d < rank; d++) if (starts(d) > starts(main)) main = d
  const sorted = boxes.filter(({ shape }) => !shape.includes(0))
  sorted.sort((a, b) => (a.start[main] as number) - (b.start[main] as number))
  const meet = (a: Box, b: Box, d: number) =>
    (a.start[d] as number) < (b.start[d] as number) + (b.shape[d] as number) &&
    (b.start[d] as number) < (a.start[d] as number) + (a.shape[d] as number)
  for (let i = 0; i < sorted.length; i++) {
    const a = sorted[i] as Box
    for (let j = i + 1; j < sorted.length; j++) {
      const b = sorted[j] as Box
      if ((b.start[main] as number) >= (a.start[main] as number) + (a.shape[main] as number)) break
      if (a.shape.every((_, d) => meet(a, b, d))) return true
    }
  }
  return false
}
