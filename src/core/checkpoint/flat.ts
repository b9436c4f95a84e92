import { itemSize } from './dtype'
import { boxesOf } from './gather'
import { type Block, contiguousStrides, numel, type Tensor } from './tensor'

/** One-dimensional tensors side by side, as optimizers that shard their state flatten it: each begins at an index of the whole. */
export interface FlatPiece {
  readonly tensor: Tensor
  readonly start: number
}

/** A run of a parameter's values: where it begins in the parameter, and where in a flat tensor. */
export interface FlatRun {
  readonly to: number
  readonly tensor: Tensor
  readonly from: number
  readonly length: number
}

/** The runs that [start, start + length) of the whole is made of, the first being index `to` of the parameter. Pieces may leave gaps. */
export function runsIn(pieces: readonly FlatPiece[], start: number, length: number, to = 0): FlatRun[] {
  return pieces.flatMap((piece) => {
    const first = Math.max(start, piece.start)
    const last = Math.min(start + length, piece.start + numel(piece.tensor.shape))
    if (first >= last) return []
    return [{ to: to + first - start, tensor: piece.tensor, from: first - piece.start, length: last - first }]
  })
}

/** The runs of [start, start + length) of one flat tensor that is itself in pieces, each of its blocks a piece. */
export function runsOf(flat: Tensor, start: number, length: number): FlatRun[] {
  const pieces = flat.blocks.map((block): FlatPiece => {
    return { tensor: { ...flat, shape: block.shape, blocks: [block] }, start: block.start[0] ?? 0 }
  })
  return runsIn(pieces, start, length)
}

/** The blocks of a parameter of this shape whose row-major values are these runs. Runs without stored values are left out. */
export function blocksOfRuns(shape: readonly number[], runs: readonly FlatRun[]): Block[] {
  const strides = contiguousStrides(shape)
  return runs.flatMap(({ to, tensor, from, length }) => {
    const [flat] = tensor.blocks
    if (!flat || tensor.blocks.length > 1 || (flat.strides[0] !== 1 && length > 1)) return []
    return [...boxesOf(shape, to, to + length)].map((box): Block => {
      const index = box.start.reduce((sum, at, d) => sum + at * (strides[d] as number), 0)
      return {
        source: flat.source,
        offset: flat.offset + (from + index - to) * itemSize(tensor.dtype),
        strides: contiguousStrides(box.shape),
        start: box.start,
        shape: box.shape,
        ...(flat.bigEndian && { bigEndian: true }),
      }
    })
  })
}

/** Pieces one behind another, without gaps. */
export function concatenated(tensors: readonly Tensor[]): FlatPiece[] {
  let start = 0
  return tensors.map((tensor) => {
    const piece = { tensor, start }
    start += numel(tensor.shape)
    return piece
  })
}
