import { baseName, type FolderEntry, joinPath, listFolder, parentOf, pathKind } from '../bytes/folder'
import { runAt } from '../checkpoint/run'
import { partsBeside, partsOfSaves } from '../checkpoint/save-parts'
import { AssayError } from '../errors'

/** A save that never gets its marker is told after so many times the usual quiet. */
const PATIENCE = 12

/** Names of saves under way: transformers, Accelerate, torch.save to a temporary file, rsync. */
const UNDER_WAY = /^(tmp[-_.]|\.)|\.(tmp|temp|part|partial|incomplete)$/i
/** Checkpoints beside a model that was saved into the folder of the run at its end. */
const BESIDE_MODEL = /^(checkpoint|ckpt|global_?step|step|epoch|iter)[-_=]?\d+/i

/** Files that scripts write a whole checkpoint to, as `last.pt`. */
const LOOSE = /\.(pt|pth|ckpt)$/i
/** Files beside which others are parts of one checkpoint. */
const PART = /^(optimizer|scheduler|scaler|training_args|rng_state|random_states)(_\d+)?\.(pt|pth|bin|pkl)$/

interface Seen {
  /** Names, sizes and times of all files: while it changes, something writes. */
  readonly contents: string
  /** Since when it has not changed, in milliseconds. */
  readonly since: number
  readonly told: boolean
}

/**
 * Checkpoints that a training writes into a folder, each told once when it has come to rest: nothing in it has changed for
 * `quiet` milliseconds, its name is not that of a save under way, and the file that its writer writes last is there. One that
 * stays without that file is told all the same after a while, for its save was interrupted. One that changes later is told again.
 */
export class Arrivals {
  private seen: ReadonlyMap<string, Seen> | undefined

  constructor(
    private readonly root: string,
    private readonly quiet: number,
  ) {}

  /**
   * Paths that have come to rest since the last look, the oldest first; `now` in milliseconds since 1970. What already lay
   * there at the first look is not told. Throws AssayError `file/unreadable` where the folder cannot be listed.
   */
  look(now: number): string[] {
    const first = this.seen === undefined
    const seen = new Map<string, Seen>()
    const arrived: string[] = []
    for (const path of checkpointsIn(this.root)) {
      const files = filesOf(path)
      const contents = files.map((file) => `${file.path} ${file.size} ${file.modified}`).join('\n')
      const known = this.seen?.get(path)
      const same = known?.contents === contents
      const written = Math.max(0, ...files.map(({ modified }) => modified))
      const rested = first && now - written >= this.quiet
      const since = same ? known.since : now
      const still = now - since
      const ready = still >= this.quiet && (isWhole(files) || still >= this.quiet * PATIENCE)
      const told = rested || (same && known.told)
      if (!told && ready) arrived.push(path)
      seen.set(path, { contents, since, told: told || ready })
    }
    this.seen = seen
    return arrived
  }
}

function checkpointsIn(root: string): string[] {
  const entries = listFolder(root, 1)
  const named = (what: FolderEntry['kind']) => entries.flatMap(({ path, kind }) => (kind === what ? [path] : []))
  const parts = partsOfSaves(named('file'))
  const belonging = new Set([...parts.values()].flat())
  const files = named('file').filter((name) => !belonging.has(name))
  const loose = files.some((name) => PART.test(name)) ? [] : files.filter((name) => LOOSE.test(name) || parts.has(name))
  const run =
    runAt(root)?.checkpoints.map(({ path }) => path) ??
    named('folder').flatMap((name) => (BESIDE_MODEL.test(name) ? [joinPath(root, name)] : []))
  const all = new Set([...run, ...loose.map((name) => joinPath(root, name))])
  return [...all].filter((path) => !UNDER_WAY.test(baseName(path)))
}

/** Files of a checkpoint; of one that is a file, itself and those that belong to it. None where it went away in the meantime. */
function filesOf(path: string): FolderEntry[] {
  try {
    if (pathKind(path) === 'folder') return listFolder(path).filter(({ kind }) => kind === 'file')
    const parent = parentOf(path)
    const names = [baseName(path), ...partsBeside(path)]
    return listFolder(parent, 1).filter((entry) => names.includes(entry.path))
  } catch (error) {
    if (error instanceof AssayError) return []
    throw error
  }
}

/**
 * Whether what is written last is there: trainer_state.json of the Trainer (transformers 5.18, trainer.py), `.metadata` of
 * torch.distributed.checkpoint, the shards that an index names by their number. Others have no such file.
 */
function isWhole(files: readonly FolderEntry[]): boolean {
  const names = files.map(({ path }) => path)
  const has = (name: string) => names.includes(name)
  if (files.length === 0 || has('checkpoint-is-incomplete.txt')) return false
  const trainer = names.some((name) => /^(training_args\.bin|rng_state(_\d+)?\.pth)$/.test(name))
  if (trainer && !has('trainer_state.json')) return false
  const parts = new Set(names.flatMap((name) => /^((?:.*\/)?)[^/]*\.distcp$/.exec(name)?.[1] ?? []))
  if ([...parts].some((folder) => !has(`${folder}.metadata`))) return false
  const shards = names.flatMap((name) => /^(.+)-\d{5}-of-(\d{5})\.\w+$/.exec(name)?.slice(1, 3).join(' ') ?? [])
  return shards.every((shard) => shards.filter((other) => other === shard).length >= Number(shard.slice(-5)))
}
