import { open, readFile, rename, stat, unlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { AssayError } from '../errors'
import { refusal } from './file-sink'
import { isAlive } from './stage'
import { errnoOf } from './system-error'

/** A lock that says nothing of its owner: one that was being written when its process died. */
const EMPTY_FOR = 60_000

/**
 * Keeps others from writing to the same target until the function it returns is called: a file `.<name>.assay-lock` beside it
 * that names process and machine. One left by a process of this machine that is no more is taken over; of another machine's it
 * cannot be known, and the message says what to do. Throws `target/busy` and `target/unwritable`.
 */
export async function lock(target: string): Promise<() => Promise<void>> {
  const path = join(dirname(target), `.${basename(target)}.assay-lock`)
  for (;;) {
    try {
      const file = await open(path, 'wx')
      await file.writeFile(JSON.stringify({ process: process.pid, machine: hostname() }))
      await file.close()
      return () => unlink(path).catch(() => undefined)
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw refusal(error, target)
    }
    if (!(await isStale(path))) throw busy(target, path)
    // Of two that find it stale only one can rename it.
    const aside = `${path}-${process.pid}`
    await rename(path, aside).then(
      () => unlink(aside),
      () => undefined,
    )
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
