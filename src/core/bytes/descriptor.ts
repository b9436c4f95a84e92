import { closeSync, fstatSync, openSync, type Stats, statSync } from 'node:fs'
import { AssayError } from '../errors'
import { unreadable } from './system-error'

/**
 * Descriptors open at once in this thread. A sharded checkpoint may have hundreds of files, a shell often allows 256
 * descriptors, and every worker thread counts on its own.
 */
const MOST_OPEN = 32

/** Open descriptors, least recently used first. */
const open = new Map<Descriptor, number>()

/** A file that stays known while its descriptor comes and goes. */
export class Descriptor {
  readonly size: number
  readonly #identity: Stats
  #closed = false

  /** Throws `file/unreadable` unless `path` is a regular file that may be read. */
  constructor(
    readonly path: string,
    readonly name: string,
  ) {
    // Asked before opening: to open a named pipe would wait for its writer.
    const stat = statOf(() => statSync(path), name)
    if (stat.isDirectory()) throw unreadable({ code: 'EISDIR' }, name)
    if (!stat.isFile()) {
      throw new AssayError('file/unreadable', `${name} is a device or a pipe, not a file`, { file: name })
    }
    const fd = this.#open()
    this.#identity = statOf(() => fstatSync(fd), name)
    this.size = this.#identity.size
  }

  /**
   * A descriptor good until the next call, for bytes up to `end`. Throws `file/truncated` if the file has become shorter
   * than that, `file/changed` if it was written to or replaced since it was opened: what was learned from its header
   * would no longer describe its bytes.
   */
  take(end: number): number {
    if (this.#closed) throw new AssayError('file/unreadable', `${this.name} was closed`, { file: this.name })
    const fd = this.#open()
    const now = statOf(() => fstatSync(fd), this.name)
    if (now.size < end) {
      throw new AssayError(
        'file/truncated',
        `${this.name} shrank from ${this.size} to ${now.size} bytes while it was open`,
        { file: this.name, offset: now.size, hint: 'Wait until it is written, then open it again.' },
      )
    }
    const was = this.#identity
    if (now.size !== was.size || now.mtimeMs !== was.mtimeMs || now.ino !== was.ino || now.dev !== was.dev) {
      throw new AssayError('file/changed', `${this.name} changed while it was open`, {
        file: this.name,
        hint: 'Wait until it is written, then open it again.',
      })
    }
    return fd
  }

  close(): void {
    this.#closed = true
    const fd = open.get(this)
    if (fd === undefined) return
    open.delete(this)
    closeSync(fd)
  }

  #open(): number {
    const known = open.get(this)
    if (known !== undefined) {
      open.delete(this)
      open.set(this, known)
      return known
    }
    for (const [oldest, fd] of open) {
      if (open.size < MOST_OPEN) break
      open.delete(oldest)
      closeSync(fd)
    }
    try {
      const fd = openSync(this.path, 'r')
      open.set(this, fd)
      return fd
    } catch (error) {
      throw unreadable(error, this.name)
    }
  }
}

function statOf(ask: () => Stats, name: string): Stats {
  try {
    return ask()
  } catch (error) {
    throw unreadable(error, name)
  }
}
