import { baseName, joinPath } from '../bytes/folder'
import { natural } from '../bytes/natural'
import { AssayError } from '../errors'
import { layoutOf } from './layouts'
import { tagsIn } from './layouts/deepspeed'
import { diffusers } from './layouts/diffusers'
import { filesLike, foldersLike, hasFile, type Listing, listingOfFolder } from './listing'
import { type Listed, STATE_FILE, savesIn } from './saves'
import { modelFiles } from './weights'

/** Levels that are looked through: `outputs/<date>/<time>/checkpoints/` of Hydra, and the folders of checkpoints in it. */
export const DEEPEST = 5
/** Folders that are looked into, and checkpoints that are listed. */
const LOOKED_INTO = 500
const MOST_LISTED = 10_000
/** Folders of code and environments, in which nobody keeps checkpoints. */
const SKIPPED = /^(\.|node_modules$|__pycache__$|site-packages$|venv$)/
/** Folders that only hold the checkpoints of the run around them. */
const HOLDER = /^(checkpoints?|ckpts?|files)$/i
/** Deeper down a folder is not taken for a checkpoint because of `vocab.pkl` or `train.bin`: data lies there as well. */
const MODEL = /\.(safetensors|ckpt|pt|pth)$/i

interface Place {
  readonly path: string
  /** Relative to where the search began. */
  readonly name: string
  readonly depth: number
}

/**
 * Checkpoints that lie below a folder, each with the run it is of: `lightning_logs/version_0/checkpoints/*.ckpt`,
 * `outputs/<date>/<time>/`, `run-b/checkpoint-500`. Run by run; opens no file. What may not be listed is passed over.
 */
export function savesBelow(root: string, depth: number): Listed[] {
  const found: Listed[] = []
  const waiting = inside({ path: root, name: '', depth: 0 }, listed(root))
  for (let looked = 0; looked < LOOKED_INTO && found.length < MOST_LISTED; looked++) {
    const place = waiting.shift()
    if (!place) break
    const listing = listed(place.path)
    if (!listing) continue
    const whole = isCheckpoint(listing)
    const saves = whole ? savesBeside(listing) : savesIn(listing)
    found.push(...named(saves, runOf(place.name)))
    if (whole || (saves.length === 0 && isLikely(listing, place.depth))) {
      const one = asOne(place, listing)
      const within = saves.length > 0 || one.path !== place.path
      found.push(...named([one], runOf(within ? place.name : parentIn(place.name))))
    } else if (saves.length === 0 && place.depth < depth) waiting.push(...inside(place, listing))
  }
  return found.sort((a, b) => natural(a.run ?? '', b.run ?? ''))
}

/** Checkpoints in the folder of one that is its last. The one save of DeepSpeed in a folder is what the folder itself is. */
export function savesBeside(listing: Listing): Listed[] {
  const tags = tagsIn(listing)
  const own = tags.length === 1 ? tags[0] : undefined
  const folders = savesIn(listing).filter(({ name }) => !STATE_FILE.test(name) && name !== own)
  return folders.filter((each) => holdsCheckpoint(each.path))
}

/** A folder with weights, an adapter or a state of its own is a checkpoint, whatever lies below it. */
export function isCheckpoint(listing: Listing): boolean {
  if (modelFiles(listing) || hasFile(listing, 'adapter_config.json') || diffusers.matches(listing)) return true
  // A root of DeepSpeed with one save is that save, and `latest` is a part of it.
  if (tagsIn(listing).length === 1) return true
  return filesLike(listing, /^(random_states_\d+\.pkl|optimizer\.(pt|bin))$/).length > 0
}

function holdsCheckpoint(path: string): boolean {
  const listing = listed(path)
  return listing !== undefined && layoutOf(listing).id !== 'unknown'
}

function isLikely(listing: Listing, depth: number): boolean {
  const { id } = layoutOf(listing)
  if (id !== 'folder' || depth === 1) return id !== 'unknown'
  return modelFiles(listing) !== undefined || filesLike(listing, MODEL).length > 0
}

/** The folder as a checkpoint, or where a single state file is all there is in it, that file. */
function asOne({ path, name }: Place, listing: Listing): Listed {
  const files = filesLike(listing, STATE_FILE)
  const [only] = files
  const alone = only !== undefined && files.length === 1 && (HOLDER.test(baseName(path)) || only.endsWith('.ckpt'))
  if (!alone) return { path, name: baseName(name) }
  return { path: joinPath(path, only), name: only }
}

function inside({ path, name, depth }: Place, listing: Listing | undefined): Place[] {
  const folders = listing ? foldersLike(listing, /./).filter((each) => !SKIPPED.test(each)) : []
  return folders.map((each) => ({
    path: joinPath(path, each),
    name: name === '' ? each : `${name}/${each}`,
    depth: depth + 1,
  }))
}

function named(saves: readonly Listed[], run: string): Listed[] {
  return saves.map((each) => (run === '' ? each : { ...each, run }))
}

/** The run that a folder is of: the folder itself, or the one around it where it only holds checkpoints. */
function runOf(name: string): string {
  return HOLDER.test(baseName(`/${name}`)) ? parentIn(name) : name
}

function parentIn(name: string): string {
  return name.split('/').slice(0, -1).join('/')
}

function listed(path: string): Listing | undefined {
  try {
    return listingOfFolder(path)
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}
