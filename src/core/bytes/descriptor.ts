import { closeSync, fstatSync, openSync, type Stats, statSync } from 'node:fs'
import { AssayError } from '../errors'
import { checkRange, type FileOnDisk } from './source'
import { backupOf } from './swap'
import { unreadable } from './system-error'

/**
 * Descriptors open at once in this thread. A sharded checkpoint may have hundreds of files, a shell often allows 256
 * descriptors, and every worker thread counts on its own.
 */
const MOST_OPEN = 32

/** Open descriptors, least recently used first. */
const open = new Map<Descriptor, number>()

/** Reads of plain bytes may go on this long before the file is asked again whether it is the same, in milliseconds. */
const TRUSTED_MS = 5

/** A file that stays known while its descriptor comes and goes. */
export class Descriptor {
  readonly size: number
  /** What it was when it was opened. */
  readonly file: FileOnDisk
  #closed = false
  #asked = 0

  /**
   * Throws `file/unreadable` unless `path` is a regular file that may be read. It is held against `file`, where given: what it
   * was when another thread opened it.
   */
  constructor(
    readonly path: string,
    readonly name: string,
    file?: FileOnDisk,
  ) {
    // Asked before opening: to open a named pipe would wait for its writer.
    const stat = statOf(() => statSync(path), name)
    if (stat.isDirectory()) throw unreadable({ code: 'EISDIR' }, name)
    if (!stat.isFile()) {
      throw new AssayError('file/unreadable', `${name} is a device or a pipe, not a file`, { file: name })
    }
    const fd = this.#open()
    const { size, mtimeMs, ino, dev } = statOf(() => fstatSync(fd), name)
    this.file = file ?? { path, name, size, mtimeMs, ino, dev }
    this.size = size
  }

  /**
   * As `take`, but asks only now and then: for positional reads, which end early where the file does. (Memory that is mapped
   * beyond the end of a file kills the process.)
   */
  takeSoon(end: number): number {
    const now = performance.now()
    const fd = open.get(this)
    if (fd !== undefined && now - this.#asked < TRUSTED_MS) return fd
    this.#asked = now
    return this.take(end)
  }

  /**
   * A descriptor good until the next call, for bytes up to `end`. Throws `file/truncated` if there are not so many,
   * `file/changed` if the file was cut short, written to or replaced since it was opened: what was learned from its header
   * would no longer describe its bytes.
   */
  take(end: number): number {
    if (this.#closed) throw new AssayError('file/unreadable', `${this.name} was closed`, { file: this.name })
    const fd = this.#open()
    this.#check(fd, end)
    return fd
  }

  /** As `take`, but the caller's own to close: for work in another thread, while others here need descriptors. */
  takeOwn(end: number): number {
    if (this.#closed) throw new AssayError('file/unreadable', `${this.name} was closed`, { file: this.name })
    const fd = this.#openAnew()
    try {
      this.#check(fd, end)
      return fd
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  #check(fd: number, end: number): void {
    const now = statOf(() => fstatSync(fd), this.name)
    const was = this.file
    if (now.size < was.size) throw changed(this.name, `shrank from ${was.size} to ${now.size} bytes while it was open`)
    if (now.size !== was.size || now.mtimeMs !== was.mtimeMs || now.ino !== was.ino || now.dev !== was.dev) {
      throw changed(this.name, 'changed while it was open')
    }
    checkRange(this, 0, end)
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
    const fd = this.#openAnew()
    open.set(this, fd)
    return fd
  }

  #openAnew(): number {
    try {
      return openSync(this.#isAside() ? backupOf(this.path) : this.path, 'r')
    } catch (error) {
      throw unreadable(error, this.name)
    }
  }

  /** Whether a repair in place has put the file aside since it was opened. */
  #isAside(): boolean {
    const was: FileOnDisk | undefined = this.file
    const isAt = (path: string) => {
      const now = statSync(path, { throwIfNoEntry: false })
      return now?.ino === was.ino && now.dev === was.dev
    }
    return was !== undefined && !isAt(this.path) && isAt(backupOf(this.path))
  }
}

/** The error of a file that is not what it was when it was opened. */
export function changed(name: string, what: string): AssayError {
  const hint = 'Something writes to it. Wait until it is done, then open the file again.'
  return new AssayError('file/changed', `${name} ${what}`, { file: name, hint })
}

function statOf(ask: () => Stats, name: string): Stats {
  try {
    return ask()
  } catch (error) {
    throw unreadable(error, name)
  }
}
