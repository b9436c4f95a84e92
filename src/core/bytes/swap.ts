import { link, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { AssayError } from '../errors'
import { flushFolder, refusal } from './file-sink'
import { entryAt } from './stage'

/** Where the original of a file goes when another takes its place. */
export function backupOf(file: string): string {
  return `${file}.backup`
}

/** Files swapped in. `undo` puts the originals back and the new files where they came from. */
export interface Swap {
  undo(): Promise<void>
}

/**
 * Puts new files in the place of old ones, in this order; the old ones stay beside as `<name>.backup`. At every moment there
 * is a whole file under each name, the old one or the new. All or none: when a step fails, those before it are undone. A file
 * without a replacement only goes aside. Throws `target/exists` when a backup is already there, before anything is changed, and `target/unwritable` when the
 * system refuses.
 */
export async function swapIn(
  changes: readonly { readonly file: string; readonly replacement?: string }[],
): Promise<Swap> {
  for (const { file } of changes) {
    if (entryAt(backupOf(file)))
      throw new AssayError('target/exists', `${backupOf(file)} already exists`, {
        file: backupOf(file),
        hint: 'It is the original of an earlier repair in place: undo that one, move it away, or repair into a new folder.',
      })
  }
  const done = new Undo()
  try {
    for (const { file, replacement } of changes) {
      if (replacement === undefined) {
        await rename(file, backupOf(file))
        done.push(() => rename(backupOf(file), file))
      } else if (entryAt(file)) {
        await keep(file, backupOf(file))
        done.push(() => giveBack(file))
        await rename(replacement, file)
        done.push(() => keep(file, replacement))
      } else {
        await rename(replacement, file)
        done.push(() => rename(file, replacement))
      }
    }
    await flushFolders(changes.map(({ file }) => file))
  } catch (error) {
    await done.undo()
    throw refusal(error, changes[0]?.file ?? '')
  }
  return done
}

/**
 * Puts originals back: `backup` renames it over the file, `link` drops a backup that still is the file itself, `none` takes
 * the file away because there was none. What is replaced or taken away goes into the folder `room` of the same volume until
 * all is done. All or none: when a step fails, those before it are undone. Throws `target/unwritable`.
 */
export async function swapBack(
  files: readonly { readonly file: string; readonly original: 'backup' | 'link' | 'none' }[],
  room: string,
): Promise<void> {
  const done = new Undo()
  try {
    for (const [i, { file, original }] of files.entries()) {
      const aside = `${room}/${i}`
      if (original === 'link') {
        await unlink(backupOf(file))
        done.push(() => link(file, backupOf(file)))
        continue
      }
      if (original === 'none') {
        await rename(file, aside)
        done.push(() => rename(aside, file))
        continue
      }
      if (entryAt(file)) {
        await keep(file, aside)
        done.push(() => rename(aside, file))
      }
      await rename(backupOf(file), file)
      done.push(() => keep(file, backupOf(file)))
    }
    await flushFolders(files.map(({ file }) => file))
  } catch (error) {
    await done.undo()
    throw refusal(error, files[0]?.file ?? '')
  }
}

/** What takes back steps, the last first. */
class Undo {
  readonly #steps: (() => Promise<void>)[] = []

  push(step: () => Promise<void>): void {
    this.#steps.push(step)
  }

  async undo(): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step()
  }
}

/** Gives a file a second name, so that a rename over the first loses nothing; where there are no hard links, another name. */
async function keep(file: string, name: string): Promise<void> {
  await link(file, name).catch(() => rename(file, name))
}

/** Of two names of one file a rename would leave both. */
async function giveBack(file: string): Promise<void> {
  const [own, backup] = [entryAt(file), entryAt(backupOf(file))]
  if (own && backup && own.ino === backup.ino && own.dev === backup.dev) await unlink(backupOf(file))
  else await rename(backupOf(file), file)
}

async function flushFolders(files: readonly string[]): Promise<void> {
  for (const folder of new Set(files.map(dirname))) await flushFolder(folder)
}
