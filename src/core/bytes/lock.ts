import { randomBytes } from 'node:crypto'
import { link, open, readdir, readFile, rename, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { AssayError } from '../errors'
import { refusal } from './file-sink'
import { isAlive } from './stage'
import { errnoOf } from './system-error'

/** A lock that says nothing of its owner, as one can be left where there are no hard links. */
const EMPTY_FOR = 60_000

/**
 * Keeps others from writing to the same target until the function it returns is called: a file `.<name>.assay-lock` beside it
 * that names process and machine. One left by a process of this machine that is no more is taken over; of another machine's it
 * cannot be known, and the message says what to do. Throws `target/busy` and `target/unwritable`.
 */
export async function lock(target: string): Promise<() => Promise<void>> {
  const path = join(dirname(target), `.${basename(target)}.assay-lock`)
  try {
    while (!(await claim(path))) {
      if (!(await isStale(path))) throw busy(target, path)
      // Of two that find it stale only one can rename it.
      const aside = asideOf(path)
      await rename(path, aside).then(
        () => unlink(aside),
        () => undefined,
      )
    }
    await removeAbandoned(path)
  } catch (error) {
    throw refusal(error, target)
  }
  return () => unlink(path).catch(() => undefined)
}

/** Makes the lock, with its text from the first moment on: a link, as a file is empty for a while. False where there is one. */
async function claim(path: string): Promise<boolean> {
  const own = asideOf(path)
  const text = JSON.stringify({ process: process.pid, machine: hostname() })
  await writeNew(own, text)
  try {
    await link(own, path).catch(async (error: unknown) => {
      if (errnoOf(error) === 'EEXIST') throw error
      await writeNew(path, text)
    })
    return true
  } catch (error) {
    if (errnoOf(error) === 'EEXIST') return false
    throw error
  } finally {
    await unlink(own)
  }
}

/** Makes a file, or none where the disk has no room for its text. */
async function writeNew(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx')
  try {
    await file.writeFile(text).finally(() => file.close())
  } catch (error) {
    await unlink(path)
    throw error
  }
}

/** A name of this process beside the lock. */
function asideOf(path: string): string {
  return `${path}-${process.pid}-${randomBytes(3).toString('hex')}`
}

/** What processes that were killed while they took the lock have left beside it. */
async function removeAbandoned(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    if (!name.startsWith(`${basename(path)}-`)) continue
    const owner = /^(\d+)-\w{6}$/.exec(name.slice(basename(path).length + 1))?.[1]
    if (owner !== undefined && !isAlive(Number(owner))) await unlink(join(dirname(path), name)).catch(() => undefined)
  }
}

async function isStale(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => '')
  try {
    const owner: unknown = JSON.parse(text)
    const { process: pid, machine } = owner as { process?: unknown; machine?: unknown }
    return machine === hostname() && typeof pid === 'number' && !isAlive(pid)
  } catch {
    const found = await stat(path).catch(() => undefined)
    return found === undefined || Date.now() - found.mtimeMs > EMPTY_FOR
  }
}

function busy(target: string, path: string): AssayError {
  return new AssayError('target/busy', `Another repair is writing to ${target}`, {
    file: target,
    hint: `Wait until it is done. If there is none, on this machine or another that shares the disk, delete ${path}`,
  })
}
