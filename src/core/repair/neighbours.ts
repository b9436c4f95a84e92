import { baseName, joinPath, parentOf, pathKind } from '../bytes/folder'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { METADATA } from '../checkpoint/distributed'
import { filesLike, foldersLike, hasFile, listingOfFolder } from '../checkpoint/listing'
import { openCheckpoint } from '../checkpoint/open'
import { checkpointsBelow, runAt } from '../checkpoint/run'
import type { Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import { Named } from '../verify/reference'

/** Checkpoints of the run that are opened at most. */
const MOST = 4

/**
 * The other checkpoints of a run: what one of them has lost, another may tell. Opened when they are first asked for, and
 * open until `close`, because plans refer to their tensors.
 */
export class Neighbours {
  #opened: Promise<readonly Checkpoint[]> | undefined
  #parts: Promise<readonly Checkpoint[]> | undefined

  constructor(private readonly checkpoint: Checkpoint) {}

  /** Those of the same layout with the same model, the nearest first and of two as near the later, which knows more. */
  list(): Promise<readonly Checkpoint[]> {
    this.#opened ??= openBeside(this.checkpoint)
    return this.#opened
  }

  /** The same save once more, in the parts that the ranks of a sharded training wrote into folders of the checkpoint. */
  parts(): Promise<readonly Checkpoint[]> {
    this.#parts ??= openParts(this.checkpoint)
    return this.#parts
  }

  async close(): Promise<void> {
    // An error was told to whoever asked, and has closed what it left behind.
    const settled = await Promise.allSettled([this.#opened, this.#parts])
    for (const each of settled.flatMap((result) => (result.status === 'fulfilled' ? (result.value ?? []) : [])))
      each.close()
  }
}

/** Folders that are looked into for parts. */
const MOST_FOLDERS = 64

/**
 * Folders of torch.distributed.checkpoint (`pytorch_model_fsdp_0`) and of DeepSpeed (`global_step10`, `pytorch_model`) whose
 * weights the checkpoint does not already go by. One of another step than the checkpoint's is another save.
 */
async function openParts(checkpoint: Checkpoint): Promise<readonly Checkpoint[]> {
  const { path, state } = checkpoint
  if (pathKind(path) !== 'folder') return []
  const named = checkpoint.tensors.some(isModel)
  const folders = foldersLike(listingOfFolder(path), /^[^.]/)
    .slice(0, MOST_FOLDERS)
    .filter((folder) => {
      const taken = checkpoint.tensors.some((tensor) => isModel(tensor) && tensor.file.startsWith(`${folder}/`))
      return !taken && holdsParts(checkpoint, folder)
    })
  const places = folders.map((folder) => joinPath(path, folder))
  return openFitting(places, (part) => {
    const steps = state.counters.filter(({ file }) => !file.startsWith(`${part.name}/`)).map(({ value }) => value)
    const isOther = part.state.step !== undefined && steps.length > 0 && !steps.includes(part.state.step)
    return part.tensors.some(isModel) && (!named || isSameModel(part, checkpoint)) && !isOther
  })
}

/** Opens the checkpoints at these places that can be opened, and leaves open those that fit. An error closes all. */
async function openFitting(
  paths: readonly string[],
  fits: (checkpoint: Checkpoint) => boolean,
): Promise<readonly Checkpoint[]> {
  const opened: Checkpoint[] = []
  try {
    for (const path of paths) {
      const other = await openCheckpoint(path).catch(unlessUnreadable)
      if (!other) continue
      opened.push(other)
      if (fits(other)) continue
      opened.pop()
      other.close()
    }
    return opened
  } catch (error) {
    for (const each of opened) each.close()
    throw error
  }
}

function holdsParts({ path }: Checkpoint, folder: string): boolean {
  try {
    const listing = listingOfFolder(joinPath(path, folder))
    return hasFile(listing, METADATA) || filesLike(listing, /_(model|optim)_states\.pt$/).length > 0
  } catch (error) {
    return unlessUnreadable(error) ?? false
  }
}

function isModel({ component }: Tensor): boolean {
  return component === 'weights' || component === 'adapter'
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
  const places = near.slice(0, MOST).map(({ path }) => path)
  return openFitting(places, (other) => other.layout === checkpoint.layout && isOfRun(other, checkpoint))
}

/** Whether two saves of one name and layout are of one model: by their weights, or where one has none by what the optimizer keeps of them. */
function isOfRun(other: Checkpoint, checkpoint: Checkpoint): boolean {
  if (checkpoint.tensors.some(isModel)) return isSameModel(other, checkpoint)
  const moments = momentsOf(checkpoint)
  return moments !== '' && moments === momentsOf(other)
}

/** The shapes of all moments of the optimizer, by slot and in the order of its parameters. */
function momentsOf({ state }: Checkpoint): string {
  const parameters = state.optimizers.flatMap((optimizer) => optimizer.parameters)
  return parameters
    .flatMap(({ tensors }) => Object.entries(tensors).map(([slot, { shape }]) => `${slot} ${shape}`))
    .join()
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

/** As the model itself gives them: of two saves one may bear the names of a wrapper. */
function namesOf(checkpoint: Checkpoint): Set<string> {
  const named = new Named(checkpoint)
  return new Set(named.tensors.map((tensor) => named.nameOf(tensor)))
}
