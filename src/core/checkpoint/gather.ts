import { breathe } from '../bytes/breathe'
import { throwIfAborted } from '../errors'
import { isComplex, itemSize } from './dtype'
import { type Block, contiguousStrides, numel, type Tensor } from './tensor'

/** Bytes of a source read at once when a piece is gathered through memory. */
const SCRATCH_BYTES = 2 ** 20
/** A call costs about as much as copying this many bytes: nearby pieces below it are read together, whatever lies between. */
const CHEAP_BYTES = 2 ** 13
/** Above `CHEAP_BYTES`, read what lies between only while it is less than this many times what is wanted. */
const MAX_WASTE = 4
/** Between teeth of a comb in memory: at a power of two apart they would fall into the same few cache lines. */
const PADDING = 64

/** Elements from the first to behind the last one that a view of this shape and these strides touches. 0 when it is empty. */
export function spanOf(shape: readonly number[], strides: readonly number[]): number {
  let last = 0
  for (let i = 0; i < shape.length; i++) {
    if (shape[i] === 0) return 0
    last += ((shape[i] as number) - 1) * (strides[i] as number)
  }
  return last + 1
}

/** A box of values on its way: where its first element is on either side, and how both sides are strided (in elements). */
interface Piece {
  readonly shape: readonly number[]
  readonly from: number
  readonly fromStrides: readonly number[]
  readonly to: number
  readonly toStrides: readonly number[]
}

interface Box {
  readonly start: readonly number[]
  readonly shape: readonly number[]
}

/**
 * Fills `target` with the tensor's row-major elements from index `first` on. `target` starts at a multiple of the element
 * size in its buffer; the blocks have been checked to lie inside their sources and to fill the tensor.
 */
export async function gather(tensor: Tensor, first: number, target: Uint8Array, signal?: AbortSignal): Promise<void> {
  const item = itemSize(tensor.dtype)
  const swap = isComplex(tensor.dtype) ? item / 2 : item
  const strides = contiguousStrides(tensor.shape)
  const scratch = new Uint8Array(Math.min(SCRATCH_BYTES, Math.max(CHEAP_BYTES, 2 * MAX_WASTE * target.length)))
  for (const box of boxesOf(tensor.shape, first, first + target.length / item)) {
    for (const block of tensor.blocks) {
      const common = intersection(box, block)
      if (common === undefined) continue
      const piece: Piece = {
        shape: common.shape,
        from: dot(common.start, block.strides) - dot(block.start, block.strides),
        fromStrides: block.strides,
        to: dot(common.start, strides) - first,
        toStrides: strides,
      }
      await move(block, piece, { item, swap: block.bigEndian ? swap : 1, target, scratch, signal })
    }
  }
}

interface Move {
  readonly item: number
  /** Bytes to reverse as one number; 1 leaves the order as it is. */
  readonly swap: number
  readonly target: Uint8Array
  readonly scratch: Uint8Array
  readonly signal: AbortSignal | undefined
}

/**
 * Moves one piece: straight into the target when both sides have its layout; through memory when the source bytes it spans
 * are worth reading together, or when it is a comb of dense teeth far apart (columns of a transposed matrix) that fit there
 * side by side; otherwise in two halves, cut where the source strides furthest.
 */
async function move(block: Block, piece: Piece, how: Move): Promise<void> {
  const { item, target, scratch } = how
  const span = spanOf(piece.shape, piece.fromStrides) * item
  const wanted = numel(piece.shape) * item
  const offset = block.offset + piece.from * item
  if (span === wanted && piece.shape.every((n, i) => n === 1 || piece.fromStrides[i] === piece.toStrides[i])) {
    const bytes = target.subarray(piece.to * item, piece.to * item + wanted)
    await block.source.read(offset, bytes)
    reverse(bytes, how.swap)
    return
  }
  if (span <= CHEAP_BYTES || (span <= scratch.length && span <= wanted * MAX_WASTE)) {
    const bytes = scratch.subarray(0, span)
    await block.source.read(offset, bytes)
    reverse(bytes, how.swap)
    copy(bytes, piece, target, item)
    return
  }
  await breathe()
  throwIfAborted(how.signal)
  const wide = widest(piece)
  const teeth = piece.shape[wide] as number
  const apart = (piece.fromStrides[wide] as number) * item
  const tooth = spanOf(piece.shape.with(wide, 1), piece.fromStrides) * item
  const pitch = tooth + PADDING
  if (apart > CHEAP_BYTES && pitch * teeth <= scratch.length && tooth * teeth <= wanted * MAX_WASTE) {
    for (let i = 0; i < teeth; i++) {
      await block.source.read(offset + i * apart, scratch.subarray(i * pitch, i * pitch + tooth))
    }
    const bytes = scratch.subarray(0, pitch * teeth)
    reverse(bytes, how.swap)
    copy(bytes, { ...piece, fromStrides: piece.fromStrides.with(wide, pitch / item) }, target, item)
    return
  }
  const half = teeth >> 1
  await move(block, { ...piece, shape: piece.shape.with(wide, half) }, how)
  const rest = {
    ...piece,
    shape: piece.shape.with(wide, teeth - half),
    from: piece.from + half * (piece.fromStrides[wide] as number),
    to: piece.to + half * (piece.toStrides[wide] as number),
  }
  await move(block, rest, how)
}

/** The dimension, of those with more than one index, that strides furthest in the source. */
function widest(piece: Piece): number {
  let wide = -1
  for (let i = 0; i < piece.shape.length; i++) {
    if ((piece.shape[i] as number) < 2) continue
    if (wide < 0 || (piece.fromStrides[i] as number) > (piece.fromStrides[wide] as number)) wide = i
  }
  return wide
}

/** Copies a piece whose source bytes are in memory, its first element at 0. */
function copy(source: Uint8Array, piece: Piece, target: Uint8Array, item: number): void {
  // Floats are moved as integers: a NaN loaded as a number may lose its payload.
  const words = Math.max(item / 4, 1)
  const from = integers(source, item)
  const to = integers(target, item)
  const dims = piece.shape.map((_, i) => i).filter((i) => (piece.shape[i] as number) > 1)
  const extents = [1, ...dims.map((i) => piece.shape[i] as number)]
  const fromSteps = [0, ...dims.map((i) => (piece.fromStrides[i] as number) * words)]
  const toSteps = [0, ...dims.map((i) => (piece.toStrides[i] as number) * words)]
  const inner = extents.length - 1

  const walk = (d: number, f: number, t: number): void => {
    const extent = extents[d] as number
    const fromStep = fromSteps[d] as number
    const toStep = toSteps[d] as number
    if (d < inner) {
      for (let i = 0; i < extent; i++) walk(d + 1, f + i * fromStep, t + i * toStep)
    } else if (words === 1) {
      for (let i = 0; i < extent; i++) to[t + i * toStep] = from[f + i * fromStep] as number
    } else {
      for (let i = 0; i < extent; i++)
        for (let w = 0; w < words; w++) to[t + i * toStep + w] = from[f + i * fromStep + w] as number
    }
  }
  walk(0, 0, piece.to * words)
}

function integers(bytes: Uint8Array, item: number): Uint8Array | Uint16Array | Uint32Array {
  if (item === 1) return bytes
  if (item === 2) return new Uint16Array(bytes.buffer, bytes.byteOffset, bytes.length / 2)
  return new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4)
}

/** Reverses every group of `size` bytes in place. */
function reverse(bytes: Uint8Array, size: number): void {
  if (size === 1) return
  for (let at = 0; at < bytes.length; at += size) {
    for (let i = at, j = at + size - 1; i < j; i++, j--) {
      const low = bytes[i] as number
      bytes[i] = bytes[j] as number
      bytes[j] = low
    }
  }
}

/** Splits the row-major range [from, to) of a shape into boxes, at most two for each dimension. */
export function* boxesOf(shape: readonly number[], from: number, to: number): Generator<Box> {
  if (from >= to) return
  const [extent, ...rest] = shape
  if (extent === undefined) {
    yield { start: [], shape: [] }
    return
  }
  const row = numel(rest)
  const first = Math.floor(from / row)
  const last = Math.floor(to / row)
  const head = from - first * row
  const tail = to - last * row
  const within = function* (index: number, a: number, b: number): Generator<Box> {
    for (const box of boxesOf(rest, a, b)) yield { start: [index, ...box.start], shape: [1, ...box.shape] }
  }
  if (first === last) {
    yield* within(first, head, tail)
    return
  }
  const whole = head === 0 ? first : first + 1
  if (head > 0) yield* within(first, head, row)
  if (whole < last) yield { start: [whole, ...rest.map(() => 0)], shape: [last - whole, ...rest] }
  if (tail > 0) yield* within(last, 0, tail)
}

function intersection(a: Box, b: Box): Box | undefined {
  const start = a.start.map((s, i) => Math.max(s, b.start[i] as number))
  const shape = start.map(
    (s, i) =>
      Math.min((a.start[i] as number) + (a.shape[i] as number), (b.start[i] as number) + (b.shape[i] as number)) - s,
  )
  return shape.every((extent) => extent > 0) ? { start, shape } : undefined
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] as number), 0)
}
