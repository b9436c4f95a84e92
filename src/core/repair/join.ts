import { pathKind } from '../bytes/folder'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { blocksOfRuns, concatenated, runsIn } from '../checkpoint/flat'
import { RANK } from '../checkpoint/listing'
import { numel, sameShape, type Tensor } from '../checkpoint/tensor'
import { Reference } from '../verify/reference'
import { ShapeEvidence } from '../verify/shapes/evidence'
import { isNormName, isRankFile } from '../verify/shapes/names'
import { list, shapeText } from '../verify/text'

/** The raw parameters that ranks of FSDP1 saved, joined. */
export interface Join {
  /** The files they are in, in the order of the ranks. */
  readonly files: readonly string[]
  readonly tensors: readonly Tensor[]
  /** Who tells the shapes. */
  readonly sources: readonly string[]
}

/**
 * Joins one-dimensional fragments, of which each rank saved those of its share (`use_orig_params=True`, the state dict taken without
 * FSDP's own methods): one rank's behind the one's before. There is no padding between them; the shape comes from the config, the optimizer or
 * the reference, and has to hold just as many values. Undefined where no files are of ranks; a sentence where they are and cannot be joined.
 * Looks at names and shapes.
 */
export function joinOf(
  checkpoint: Checkpoint,
  weights: readonly Tensor[],
  partial: ReadonlySet<string>,
  reference: Checkpoint | undefined,
): Join | string | undefined {
  if (pathKind(checkpoint.path) !== 'folder') return undefined
  const first = [...partial].find(isRankFile)
  if (first === undefined || weights.some(({ whole }) => whole)) return undefined
  const form = first.replace(RANK, '*')
  const files = checkpoint.files.map(({ path }) => path).filter((path) => path.replace(RANK, '*') === form)
  const byRank = new Map(files.map((path) => [Number(RANK.exec(path)?.[1]), path]))
  const ranks = [...byRank.keys()].reduce((most, rank) => Math.max(most, rank), 0) + 1
  const gone = Array.from({ length: Math.min(ranks, files.length + 1) }, (_, rank) => rank).find(
    (rank) => !byRank.has(rank),
  )
  if (gone !== undefined)
    return `${first.replace(RANK, (text, rank) => text.replace(rank, `${gone}`))} is not here, and without it there are gaps`
  const ordered = [...byRank].sort(([a], [b]) => a - b).map(([, path]) => path)
  return joined(checkpoint, ordered, weights, reference)
}

function joined(
  checkpoint: Checkpoint,
  files: readonly string[],
  weights: readonly Tensor[],
  reference: Checkpoint | undefined,
): Join | string {
  const fragments = new Map<string, Tensor[]>()
  for (const file of files) {
    for (const tensor of weights.filter((each) => each.file === file)) {
      if (tensor.shape.length !== 1)
        return `${tensor.name} in ${file} is no fragment: it has the shape ${shapeText(tensor.shape)}`
      fragments.set(tensor.name, [...(fragments.get(tensor.name) ?? []), tensor])
    }
  }
  const flat = [...fragments].map(([name, parts]): Tensor => {
    const { dtype, component } = parts[0] as Tensor
    return {
      name,
      dtype,
      component,
      file: TARGET,
      shape: [parts.reduce((sum, { shape }) => sum + numel(shape), 0)],
      blocks: [],
    }
  })
  const whole = { ...checkpoint, tensors: flat }
  const evidence = new ShapeEvidence(whole)
  const model = reference && new Reference(whole, reference)
  const tensors: Tensor[] = []
  const sources = new Set<string>()
  const unknown: string[] = []
  for (const tensor of flat) {
    const told = evidence.byName(tensor) ?? given(model, tensor)
    const parts = fragments.get(tensor.name) ?? []
    const shape = told?.shape ?? (isNormName(tensor.name) || tensor.name.endsWith('bias') ? tensor.shape : undefined)
    if (told) sources.add(told.source)
    if (!shape) unknown.push(tensor.name)
    else if (numel(shape) !== numel(tensor.shape)) {
      if (!parts.every((part) => sameShape(part.shape, shape))) return mismatch(tensor, shape)
      tensors.push(parts[0] as Tensor)
    } else {
      const some = parts.filter((part) => numel(part.shape) > 0)
      if (some.some(({ dtype }) => dtype !== tensor.dtype)) return `the parts of ${tensor.name} have several dtypes`
      tensors.push({ ...tensor, shape, blocks: blocksOfRuns(shape, runsIn(concatenated(some), 0, numel(shape))) })
    }
  }
  if (unknown.length > 0) return `nothing tells the shape of ${list(unknown)}: config.json may, or a reference`
  return { files, tensors, sources: [...sources] }
}

function mismatch({ name, shape: [held = 0] }: Tensor, shape: readonly number[]): string {
  const why =
    held > numel(shape)
      ? 'other parameters lie in them, and nothing tells surely which'
      : "a rank's file is missing, or they are of another model"
  return `the parts of ${name} hold ${held} values, and ${shapeText(shape)} has ${numel(shape)}: ${why}`
}

/** The file that they are to be written to. */
export const TARGET = 'model.safetensors'

function given(
  reference: Reference | undefined,
  tensor: Tensor,
): { shape: readonly number[]; source: string } | undefined {
  const model = reference?.of(tensor)
  return model && reference && { shape: model.shape, source: reference.name }
}
