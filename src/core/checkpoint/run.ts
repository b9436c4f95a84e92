import { joinPath } from '../bytes/folder'
import type { Run } from './checkpoint'
import { layoutOf } from './layouts'
import { foldersLike, listingOfFolder } from './listing'
import { DEEPEST, isCheckpoint, savesBelow, savesBeside } from './run-search'
import { type Listed, savesIn } from './saves'

/**
 * The run at a folder: sub-folders (its own or those of its `checkpoints/`) or files named as its saves, the oldest first; or
 * else what lies up to `depth` levels deeper, of one run or of several. Undefined when there are none, or when the folder is a
 * checkpoint itself. Opens no file.
 */
export function runAt(path: string, depth = DEEPEST): Run | undefined {
  const listing = listingOfFolder(path)
  const { root, name } = listing
  if (isCheckpoint(listing)) return undefined
  const inner = foldersLike(listing, /^checkpoints$/).map((each) => listingOfFolder(joinPath(root, each)))
  for (const place of [listing, ...inner]) {
    const checkpoints = savesIn(place)
    if (checkpoints.length > 0) return { path: root, name, checkpoints }
  }
  if (layoutOf(listing).id !== 'unknown') return undefined
  const checkpoints = savesBelow(root, depth)
  return checkpoints.length > 0 ? { path: root, name, checkpoints } : undefined
}

/** The runs that lie below one path, each by itself; the run itself where it is only one. */
export function runsOf(run: Run): Run[] {
  const names = [...new Set(run.checkpoints.map(({ run: name = '' }) => name))]
  // What lies around a single one is its own as well.
  if (names.length < 2) return [run]
  return names.map((name) => ({
    path: joinPath(run.path, name),
    name: name === '' ? run.name : name,
    checkpoints: run.checkpoints.filter((each) => (each.run ?? '') === name),
  }))
}

/**
 * Checkpoints of a run that lie below a folder which is a checkpoint itself: a finished Trainer run keeps its last weights
 * beside its `checkpoint-N` folders. Oldest first; none where there are none. Opens no file.
 */
export function checkpointsBelow(path: string): Listed[] {
  return savesBeside(listingOfFolder(path))
}
