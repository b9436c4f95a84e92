import { lstatSync, readdirSync } from 'node:fs'
import { mkdtemp, open, rename, rm, rmdir } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { AssayError } from '../errors'

/** A place to build something that becomes visible only when it is whole. */
export interface Stage {
  /** Where to build: a path on the target's volume with the target's own last name. Nothing is there yet. */
  readonly path: string
  /** Moves what was built to the target. Throws `target/exists` when something has appeared there meanwhile. */
  commit(): Promise<void>
  /** Removes what was built. Does nothing after `commit`. */
  discard(): Promise<void>
}

/**
 * Prepares to build a file or a folder at `target`. Throws `target/exists` unless nothing or an empty folder is there, and
 * `target/unwritable` when the folder it goes into is not there or refuses new files.
 */
export async function stage(target: string): Promise<Stage> {
  refuseExisting(target)
  const parent = dirname(target)
  const room = await mkdtemp(join(parent, `.${basename(target)}.assay-`)).catch((error: unknown) => {
    throw unwritable(parent, error)
  })
  const path = join(room, basename(target))
  let open = true
  return {
    path,
    async commit() {
      refuseExisting(target)
      // An empty folder may stand at the target; Windows does not rename over one.
      await rmdir(target).catch(() => undefined)
      await rename(path, target).catch((error: unknown) => {
        throw unwritable(parent, error)
      })
      open = false
      await rm(room, { recursive: true, force: true })
      await syncFolder(parent)
    },
    async discard() {
      if (open) await rm(room, { recursive: true, force: true })
      open = false
    },
  }
}

/** Throws `target/exists` unless there is nothing at `target`, or an empty folder. */
function refuseExisting(target: string): void {
  const found = lstatSync(target, { throwIfNoEntry: false })
  if (!found) return
  if (found.isDirectory() && readdirSync(target).length === 0) return
  throw new AssayError('target/exists', `${target} already exists`, {
    file: target,
    hint: 'Choose a path that does not exist yet; Assay overwrites nothing.',
  })
}

/**
 * Puts new files in the place of old ones, which stay beside as `<name>.backup`. All or none: when a rename fails, those done
 * before it are undone. Throws `target/exists` when a backup is already there, before anything is renamed, and
 * `target/unwritable` when the system refuses.
 */
export async function swapIn(
  changes: readonly { readonly file: string; readonly replacement: string }[],
): Promise<Swap> {
  for (const { file } of changes) {
    if (lstatSync(backupOf(file), { throwIfNoEntry: false }))
      throw new AssayError('target/exists', `${backupOf(file)} already exists`, {
        file: backupOf(file),
        hint: 'It is the original of an earlier repair in place: move it away, or repair into a new folder with --out.',
      })
  }
  const undo: (() => Promise<void>)[] = []
  const swap = {
    async undo() {
      for (const step of undo.splice(0).reverse()) await step()
    },
  }
  try {
    for (const { file, replacement } of changes) {
      if (lstatSync(file, { throwIfNoEntry: false })) {
        await rename(file, backupOf(file))
        undo.push(() => rename(backupOf(file), file))
      }
      await rename(replacement, file)
      undo.push(() => rename(file, replacement))
    }
    for (const folder of new Set(changes.map(({ file }) => dirname(file)))) await syncFolder(folder)
  } catch (error) {
    await swap.undo()
    throw unwritable(changes[0]?.file ?? '', error)
  }
  return swap
}

/** Files swapped in. `undo` puts the originals back and the new files where they came from. */
export interface Swap {
  undo(): Promise<void>
}

function backupOf(file: string): string {
  return `${file}.backup`
}

function unwritable(path: string, error: unknown): AssayError {
  const reason = error instanceof Error ? error.message : String(error)
  return new AssayError('target/unwritable', `Cannot write in ${path}: ${reason}`, {
    file: path,
    hint: 'Check that the folder exists, that you may write to it, and that the disk is not read-only.',
    cause: error,
  })
}

/** Makes renames in a folder last through a crash. Windows cannot open a folder and needs none of it. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, 'r').catch(() => undefined)
  await handle?.sync().catch(() => undefined)
  await handle?.close()
}
