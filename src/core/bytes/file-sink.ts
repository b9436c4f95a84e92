import { randomBytes } from 'node:crypto'
import { closeSync, existsSync, mkdirSync, statfsSync, writeSync } from 'node:fs'
import { type FileHandle, link, open, rename, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { AssayError } from '../errors'
import type { Copies } from './copies'
import { copyRange } from './copy-range'
import { Follower } from './follower'
import type { ByteSink } from './sink'
import type { FilePlace } from './source'
import { errnoOf } from './system-error'

/**
 * A new file at `path`, whose folder must exist. Its bytes gather in a hidden file beside it and get their name only at
 * `commit`, after they are flushed to the disk; the folder is flushed as well, so that the file outlives a power cut.
 * Throws AssayError `target/exists` when something is at `path` (at the start, and at `commit` if it came in between),
 * `target/no-space` when the disk has no room, `target/unwritable` for any other refusal. After a failed write only `discard`
 * makes sense.
 */
export async function createFileSink(path: string): Promise<ByteSink> {
  const target = resolve(path)
  if (existsSync(target)) throw exists(path)
  const temporary = join(dirname(target), `.assay-${randomBytes(8).toString('hex')}.partial`)
  const file = await attempt(path, () => open(temporary, 'wx+'))
  return new FileSink(path, target, temporary, file)
}

/** Bytes after which the system is asked to put them on the disk: the disk works while the next ones are made. */
const FLUSH_BYTES = 2 ** 24
/** A block of this size is still in the processor's cache when it is written. */
const READ_BYTES = 2 ** 18
/** What is shorter is as soon compared at the end. */
const WORTH_FOLLOWING = 2 ** 20

class FileSink implements ByteSink {
  position = 0
  #open = true
  #flushed = 0
  #flushing: Promise<void> | undefined
  #failed: unknown
  readonly #follower: Follower

  constructor(
    private readonly name: string,
    private readonly target: string,
    private readonly temporary: string,
    private readonly file: FileHandle,
  ) {
    this.#follower = new Follower(temporary)
  }

  get copies(): Copies {
    return this.#follower.copies
  }

  async write(bytes: Uint8Array): Promise<void> {
    await attempt(this.name, () => writeFully(this.file, bytes, this.position))
    this.#advance(bytes.byteLength)
  }

  async copy(from: FilePlace, offset: number, length: number, onBlock?: (bytes: Uint8Array) => void): Promise<void> {
    const start = this.position
    const copied = onBlock ? 0 : await this.#copyInKernel(from, offset, length)
    const buffer = new Uint8Array(Math.min(READ_BYTES, length - copied))
    for (let at = offset + copied; at < offset + length; at += buffer.byteLength) {
      const bytes = buffer.subarray(0, Math.min(buffer.byteLength, offset + length - at))
      from.readNow(at, bytes)
      onBlock?.(bytes)
      await this.write(bytes)
    }
    if (length >= WORTH_FOLLOWING) await this.#follower.copied(start, from, offset, length)
  }

  async commit(): Promise<void> {
    await this.#settle()
    await attempt(this.name, () => {
      if (this.#failed) throw this.#failed
      return this.file.sync()
    })
    this.copies.finish(await attempt(this.name, () => this.file.stat()))
    await this.#close()
    await attempt(this.name, () => renameWithoutOverwriting(this.temporary, this.target))
    await flushFolder(dirname(this.target))
  }

  async discard(): Promise<void> {
    await this.#close()
    await unlink(this.temporary).catch((error) => {
      if (errnoOf(error) !== 'ENOENT') throw refusal(error, this.name)
    })
  }

  /** Returns how many bytes it copied, from 0 on. */
  async #copyInKernel(from: FilePlace, offset: number, length: number): Promise<number> {
    const fd = from.descriptor(offset + length)
    try {
      let done = 0
      for (let copied = 1; copied > 0 && done < length; done += copied) {
        copied = await copyRange(fd, offset + done, this.file.fd, this.position, length - done)
        this.#advance(copied)
      }
      return done
    } finally {
      closeSync(fd)
    }
  }

  #advance(bytes: number): void {
    this.position += bytes
    if (this.position - this.#flushed >= FLUSH_BYTES) this.#flushBehind()
  }

  /** One flush at a time, waited for by nobody. */
  #flushBehind(): void {
    if (this.#flushing) return
    const from = this.#flushed
    this.#flushed = this.position
    this.#flushing = this.#follower
      .startWriting(from, this.position - from)
      // That the system could not be asked is no failure to write.
      .catch(() => false)
      .then((started) => (started ? undefined : this.file.datasync()))
      .catch((error) => {
        // The descriptor has told it now, and does not tell it again at the end.
        this.#failed = error
      })
      .finally(() => {
        this.#flushing = undefined
      })
  }

  async #settle(): Promise<void> {
    await this.#flushing
    await this.#follower.settled()
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    this.#open = false
    await this.#settle()
    this.#follower.close()
    await this.file.close()
  }
}

/** Makes a folder and its parents. Throws `target/unwritable`; a folder that is there already is fine. */
export function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true })
  } catch (error) {
    throw refusal(error, path)
  }
}

/** Bytes free on the volume of `path`, which need not exist yet. Throws `target/unwritable`. */
export function freeBytes(path: string): number {
  let folder = resolve(path)
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder)
  try {
    const volume = statfsSync(folder)
    return volume.bavail * volume.bsize
  } catch (error) {
    throw refusal(error, path)
  }
}

/** In this thread: handing each block to another one costs as much as copying it into the system's cache. */
function writeFully({ fd }: FileHandle, bytes: Uint8Array, position: number): void {
  let done = 0
  while (done < bytes.byteLength) done += writeSync(fd, bytes, done, bytes.byteLength - done, position + done)
}

/** A hard link refuses to replace what is there, a rename does not: so link, then drop the old name. */
async function renameWithoutOverwriting(from: string, to: string): Promise<void> {
  try {
    await link(from, to)
  } catch (error) {
    if (errnoOf(error) === 'EEXIST' || existsSync(to)) throw exists(to)
    // FAT and some network drives have no hard links.
    await rename(from, to)
    return
  }
  await unlink(from)
}

/** Makes new names in a folder outlive a power cut. */
export async function flushFolder(path: string): Promise<void> {
  // Windows has no descriptors of folders, and some drives cannot flush them.
  const folder = await open(path, 'r').catch(() => undefined)
  await folder?.sync().catch(() => {})
  await folder?.close()
}

async function attempt<T>(name: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw refusal(error, name)
  }
}

function exists(path: string): AssayError {
  return new AssayError('target/exists', `${path} exists already`, { file: path, hint: 'Name a place that is free.' })
}

/** What a refused write to `path` is thrown as: `target/no-space` or `target/unwritable`. AssayErrors pass through. */
export function refusal(error: unknown, path: string): AssayError {
  if (error instanceof AssayError) return error
  const errno = errnoOf(error)
  if (errno === 'ENOSPC' || errno === 'EDQUOT') {
    return new AssayError('target/no-space', `No room left on the disk for ${path}`, {
      file: path,
      cause: error,
      hint: 'Nothing was kept, and nothing that was there has changed. Free some space or write to another disk.',
    })
  }
  if (errno === 'EFBIG') {
    return new AssayError('target/unwritable', `${path} would be larger than a file may be there (EFBIG)`, {
      file: path,
      cause: error,
      hint: 'Nothing was kept, and nothing that was there has changed. FAT ends at 4 GB, and ulimit -f may set a limit: write to another disk, or export smaller shards.',
    })
  }
  return new AssayError('target/unwritable', `${path} cannot be written (${errno ?? String(error)})`, {
    file: path,
    cause: error,
    hint: 'Nothing was kept, and nothing that was there has changed. Check that the folder exists and may be written to.',
  })
}
