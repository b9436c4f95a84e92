import { baseName, parentOf, pathKind } from '../bytes/folder'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { openCheckpoint } from '../checkpoint/open'
import { checkpointsBelow, runAt } from '../checkpoint/run'
import { AssayError } from '../errors'

/** Checkpoints of the run that are opened at most. */
const MOST = 4

/**
 * The other checkpoints of a run: what one of them has lost, another may tell. Opened when they are first asked for, and
 * open until `close`, because plans refer to their tensors.
 */
export class Neighbours {
  #opened: Promise<readonly Checkpoint[]> | undefined

  constructor(private readonly checkpoint: Checkpoint) {}

  /** Those of the same layout with the same model, the nearest first and of two as near the later, which knows more. */
  list(): Promise<readonly Checkpoint[]> {
    this.#opened ??= openBeside(this.checkpoint)
    return this.#opened
  }

  async close(): Promise<void> {
    for (const each of (await this.#opened) ?? []) each.close()
  }
}

async function openBeside(checkpoint: Checkpoint): Promise<readonly Checkpoint[]> {
  const form = formOf(checkpoint.path)
  const all = besides(checkpoint.path).filter(({ path }) => form !== undefined && formOf(path) === form)
  const own = all.findIndex(({ path }) => path === checkpoint.path)
  if (own < 0) return []
  const near = all
    .map(({ path }, i) => ({ path, distance: Math.abs(i - own), later: i > own }))
    .filter(({ distance }) => distance > 0)
    .sort((a, b) => a.distance - b.distance || Number(b.later) - Number(a.later))
  const opened: Checkpoint[] = []
  for (const { path } of near.slice(0, MOST)) {
    const other = await openCheckpoint(path).catch(unlessUnreadable)
    if (!other) continue
    if (other.layout === checkpoint.layout && isSameModel(other, checkpoint)) opened.push(other)
    else other.close()
  }
  return opened
}

/** A name without its numbers: what the checkpoints of one run have in common. Undefined for a name without any. */
function formOf(path: string): string | undefined {
  const name = baseName(path)
  return /\d/.test(name) ? name.replace(/\d+/g, '#') : undefined
}

/** The checkpoints of the folder that `path` lies in, in their order, with `path` itself. */
function besides(path: string): readonly { readonly path: string }[] {
  const parent = parentOf(path)
  if (baseName(parent) === '' || pathKind(parent) !== 'folder') return []
  try {
    return runAt(parent, 1)?.checkpoints ?? checkpointsBelow(parent)
  } catch (error) {
    return unlessUnreadable(error) ?? []
  }
}

function unlessUnreadable(error: unknown): undefined {
  if (error instanceof AssayError) return undefined
  throw error
}

/** Of the names of the smaller model, as many are in the other as make another model unlikely. */
const SHARED = 0.9

/** Whether two checkpoints name the same weights, or nearly: shapes may be what is wrong with one of them. */
export function isSameModel(a: Checkpoint, b: Checkpoint): boolean {
  const [left, right] = [namesOf(a), namesOf(b)]
  const least = Math.min(left.size, right.size)
  const shared = [...left].filter((name) => right.has(name)).length
  return least > 0 && shared >= least * SHARED
}

function namesOf({ tensors }: Checkpoint): Set<string> {
  const model = tensors.filter(({ component }) => component === 'weights' || component === 'adapter')
  return new Set(model.map(({ name }) => name))
}
