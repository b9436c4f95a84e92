import type { OpenStateFile } from './state-file'
import { type Block, isWhole, numel, sameShape, type Tensor } from './tensor'
import { overlapping } from './values'

/** What one rank saved by itself, opened. */
export interface RankFile {
  readonly rank: number
  readonly file: OpenStateFile
}

/** The files of ranks, put together. */
export interface JoinedRanks {
  /** In their order; the first holds every tensor, the others what is their own: random states. */
  readonly files: readonly OpenStateFile[]
  /** Processes that saved, as the pieces or the highest rank tell. */
  readonly processes: number
  /** Names of tensors of which the files that are here do not hold every piece. */
  readonly torn: readonly string[]
}

/** No training has had more; a count beyond comes from a damaged pickle. */
const MOST_PROCESSES = 100_000

/**
 * Puts tensors together of which each rank saved its piece: a DTensor of FSDP2, a ShardedTensor of FSDP1, which say themselves where
 * they belong. `files` are in the order of their ranks. A tensor that is whole in one of them is the same on all ranks and taken once;
 * one of which a piece does not tell its place stays the piece it is. Where ranks are missing, tensors have holes. Undefined where
 * no file holds a piece: then each is by itself.
 */
export function joinedRanks(files: readonly RankFile[]): JoinedRanks | undefined {
  const [first, ...others] = files
  const pieces = files.flatMap(({ file }) => file.tensors.filter(({ whole }) => whole !== undefined))
  if (!first || pieces.length === 0) return undefined
  const highest = files.reduce((most, { rank }) => Math.max(most, rank), 0)
  const told = pieces.map(({ whole }) => whole?.processes ?? 0).filter((count) => count <= MOST_PROCESSES)
  const processes = told.reduce((most, count) => Math.max(most, count), highest + 1)
  const byName = new Map<string, Tensor[]>()
  for (const { file } of files) {
    for (const tensor of file.tensors) {
      if (file !== first.file && tensor.component === 'rng') continue
      const same = byName.get(tensor.name)
      if (same) same.push(tensor)
      else byName.set(tensor.name, [tensor])
    }
  }
  const tensors = [...byName.values()].map((each) => ({ ...joined(each), file: first.file.path }))
  return {
    files: [{ ...first.file, tensors, inPieces: true }, ...others.map(({ file }) => ownPart(file))],
    processes,
    torn: tensors.filter((tensor) => tensor.blocks.length > 0 && !isWhole(tensor)).map(({ name }) => name),
  }
}

function joined(pieces: readonly Tensor[]): Tensor {
  const [first] = pieces as readonly [Tensor, ...Tensor[]]
  const whole = pieces.find((piece) => piece.whole === undefined)
  if (whole) return whole
  const shape = first.whole?.shape ?? first.shape
  // 16 bytes are the widest element: byte offsets in the whole stay exact.
  if (!Number.isSafeInteger(numel(shape) * 16)) return first
  const blocks: Block[] = []
  // Ranks that replicate a piece save it once each.
  const taken = new Set<string>()
  for (const piece of pieces) {
    if (numel(piece.shape) === 0) continue
    const start = startOf(piece, shape)
    if (!start || piece.dtype !== first.dtype || !sameShape(piece.whole?.shape ?? [], shape)) return first
    const box = `${start}:${piece.shape}`
    if (taken.has(box)) continue
    taken.add(box)
    for (const block of piece.blocks)
      blocks.push({ ...block, start: block.start.map((at, d) => at + (start[d] as number)) })
  }
  if (blocks.length === 0 || overlapping(blocks)) return first
  const { storage: _, whole: __, ...rest } = first
  return { ...rest, shape, blocks }
}

/** Where the piece begins, if it lies inside the whole. */
function startOf({ shape, whole }: Tensor, extents: readonly number[]): readonly number[] | undefined {
  const { start } = whole ?? {}
  if (start?.length !== extents.length || shape.length !== extents.length) return undefined
  return start.every((at, d) => at + (shape[d] as number) <= (extents[d] as number)) ? start : undefined
}

/** What a file of another rank has that the first has not. */
function ownPart(file: OpenStateFile): OpenStateFile {
  return {
    ...file,
    inPieces: true,
    tensors: file.tensors.filter(({ component }) => component === 'rng'),
    sections: file.sections.filter(({ component }) => component === 'rng'),
  }
}
