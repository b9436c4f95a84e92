import { joinPath } from '../bytes/folder'
import { AssayError } from '../errors'
import type { Run } from './checkpoint'
import { layoutOf } from './layouts'
import { tagsIn } from './layouts/deepspeed'
import { diffusers } from './layouts/diffusers'
import { filesLike, foldersLike, hasFile, type Listing, listingOfFolder } from './listing'
import { modelFiles } from './weights'

/** Names that trainers give to the checkpoints of a run, with the number that orders them. */
const NUMBERED = /(?:^|[-_.])(?:checkpoint|ckpt|epoch|step|iter|global_?step)[-_=]?(\d+)/i
/** Those of them whose number counts optimizer steps; Accelerate's `checkpoint_2` counts saves. */
const STEPPED = /(?:^|[-_.])(?:checkpoint-|step[-_=]?|global_?step[-_=]?|iter[-_=]?)(\d+)/i
/** The Trainer's name for a save under way: no checkpoint of the run yet. */
const STAGING = /^tmp-/
const STATE_FILE = /\.(ckpt|pt|pth)$/i
/** Sub-folders that are looked into for checkpoints of other names. */
const LOOKED_INTO = 200

/**
 * The run at a folder: sub-folders (its own or those of its `checkpoints/`) or files numbered as checkpoints, the oldest
 * first; or else sub-folders that hold checkpoints under names of their own. Undefined when there are none, or when the
 * folder is a checkpoint itself. Opens no file.
 */
export function runAt(path: string): Run | undefined {
  const listing = listingOfFolder(path)
  const { root, name } = listing
  if (isCheckpoint(listing)) return undefined
  const inner = foldersLike(listing, /^checkpoints$/).map((each) => joinPath(root, each))
  for (const place of [root, ...inner]) {
    const checkpoints = numbered(place)
    if (checkpoints.length > 0) return { path: root, name, checkpoints }
  }
  if (layoutOf(listing).id !== 'unknown') return undefined
  const checkpoints = foldersLike(listing, /^[^.]/)
    .slice(0, LOOKED_INTO)
    .map((each) => ({ path: joinPath(root, each), name: each }))
    .filter(({ path: place }) => holdsCheckpoint(place))
  return checkpoints.length > 0 ? { path: root, name, checkpoints } : undefined
}

/**
 * Checkpoints of a run that lie below a folder which is a checkpoint itself: a finished Trainer run keeps its last weights
 * beside its `checkpoint-N` folders. Oldest first; none where there are none. Opens no file.
 */
export function checkpointsBelow(path: string): Run['checkpoints'] {
  const tags = tagsIn(listingOfFolder(path))
  // The one save of DeepSpeed in a folder is what the folder itself is.
  const own = tags.length === 1 ? tags[0] : undefined
  const folders = numbered(path).filter(({ name }) => !STATE_FILE.test(name) && name !== own)
  return folders.filter((each) => holdsCheckpoint(each.path))
}

/** A folder with weights, an adapter or a state of its own is a checkpoint, whatever lies below it. */
function isCheckpoint(listing: Listing): boolean {
  if (modelFiles(listing) || hasFile(listing, 'adapter_config.json') || diffusers.matches(listing)) return true
  // A root of DeepSpeed with one save is that save, and `latest` is a part of it.
  if (tagsIn(listing).length === 1) return true
  return filesLike(listing, /^(random_states_\d+\.pkl|optimizer\.(pt|bin))$/).length > 0
}

interface Numbered {
  readonly path: string
  readonly name: string
  readonly step?: number
}

function numbered(place: string): Numbered[] {
  const listing = listingOfFolder(place)
  const folders = foldersLike(listing, NUMBERED)
  const files = filesLike(listing, STATE_FILE).filter((name) => NUMBERED.test(name))
  // One numbered file is a checkpoint beside other files; several are a run.
  const whole = folders.filter((name) => !STAGING.test(name))
  const names = whole.length > 0 ? whole : folders.length > 0 ? folders : files.length > 1 ? files : []
  return names
    .map((name) => ({ name, order: orderOf(name), step: STEPPED.exec(name)?.[1] }))
    .sort((a, b) => a.order - b.order || (a.name < b.name ? -1 : 1))
    .map(({ name, step }) => ({ path: joinPath(place, name), name, ...(step !== undefined && { step: Number(step) }) }))
}

function orderOf(name: string): number {
  const match = STEPPED.exec(name) ?? NUMBERED.exec(name)
  return Number(match?.[1] ?? 0)
}

function holdsCheckpoint(path: string): boolean {
  try {
    return layoutOf(listingOfFolder(path)).id !== 'unknown'
  } catch (error) {
    if (error instanceof AssayError) return false
    throw error
  }
}
