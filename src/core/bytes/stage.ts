import { createHash } from 'node:crypto'
import { lstatSync, readdirSync, type Stats } from 'node:fs'
import { mkdtemp, rename, rm, rmdir } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { AssayError } from '../errors'
import { flushFolder, refusal } from './file-sink'
import { errnoOf } from './system-error'

/** A place to build something that becomes visible only when it is whole. */
export interface Stage {
  /** Where to build: a path on the target's volume with the target's own last name. Nothing is there yet. */
  readonly path: string
  /** Moves what was built to the target. Throws `target/exists` when something has appeared there meanwhile. */
  commit(): Promise<void>
  /** Removes what was built. Does nothing after `commit`. */
  discard(): Promise<void>
  /** An error that was met while building, told of the place it was built for. */
  told(error: unknown): unknown
}

/**
 * Prepares to build a file or a folder at `target`. Throws `target/exists` unless nothing or an empty folder is there, and
 * `target/unwritable` when the folder it goes into is not there or refuses new files. What a process that was killed had begun
 * to build for the same target is removed. `named` is what errors speak of, where the target itself means nothing to people.
 */
export async function stage(target: string, named = target): Promise<Stage> {
  refuseExisting(target)
  const parent = dirname(target)
  await removeAbandoned(target)
  const room = await mkdtemp(join(parent, `${roomsOf(target)}${process.pid}-`)).catch((error: unknown) => {
    throw refusal(error, parent)
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
        throw refusal(error, parent)
      })
      open = false
      await rm(room, { recursive: true, force: true })
      await flushFolder(parent)
    },
    async discard() {
      if (open) await rm(room, { recursive: true, force: true })
      open = false
    },
    told(error) {
      if (!(error instanceof AssayError)) return error
      const inTarget = (text: string) => text.replaceAll(path, named)
      const { code, message, file, hint, offset, cause } = error
      return new AssayError(code, inTarget(message), {
        ...(file !== undefined && { file: inTarget(file) }),
        ...(hint !== undefined && { hint }),
        ...(offset !== undefined && { offset }),
        ...(cause !== undefined && { cause }),
      })
    },
  }
}

/** What rooms for a target are called before the number of their process: on a shared drive other machines count their own. */
function roomsOf(target: string): string {
  const machine = createHash('sha256').update(hostname()).digest('hex').slice(0, 8)
  return `.${basename(target)}.assay-${machine}-`
}

/** Whether a file or folder of this name is a room or a lock of a repair or an export, of this machine or another. */
export function isWorkInProgress(name: string): boolean {
  return /^\..+\.assay-(?:[0-9a-f]{8}-\d+-\w{6}|lock(?:-\d+-\w{6})?)$/.test(name)
}

/**
 * Removes what processes of this machine that are no more had begun to build for `target`. A room that refuses stays: it is in
 * nobody's way.
 */
export async function removeAbandoned(target: string): Promise<void> {
  const parent = dirname(target)
  const prefix = roomsOf(target)
  for (const name of entriesOf(parent)) {
    const owner = name.startsWith(prefix) ? /^(\d+)-\w{6}$/.exec(name.slice(prefix.length))?.[1] : undefined
    if (owner === undefined || isAlive(Number(owner))) continue
    const room = join(parent, name)
    if (entryAt(room)?.isDirectory()) await rm(room, { recursive: true, force: true }).catch(() => undefined)
  }
}

function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch {
    // Whether the folder can be written to is for the next step to say.
    return []
  }
}

/** Any answer but that there is no such process means that there is one. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return errnoOf(error) !== 'ESRCH'
  }
}

/** Throws `target/exists` unless there is nothing at `target`, or an empty folder. */
function refuseExisting(target: string): void {
  const found = entryAt(target)
  if (!found) return
  if (found.isDirectory() && readdirSync(target).length === 0) return
  throw new AssayError('target/exists', `${target} already exists`, {
    file: target,
    hint: 'Choose a path that does not exist yet; Assay overwrites nothing.',
  })
}

/** What is at a path, links not followed. */
export function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false })
  } catch (error) {
    throw refusal(error, path)
  }
}
