import { closeSync, openSync } from 'node:fs'
import { Copies } from './copies'
import { mapFile, PAGE } from './mapping'
import type { FilePlace } from './source'
import { letGo, startWriting } from './writeback'

/**
 * Stretches that the disk may be behind. These last ones stay in the system's cache; all of a large file would push out what is read
 * there, its own source first.
 */
const BEHIND = 16

/**
 * Goes behind the writing of a file, in other threads: has the disk take it up soon, reads back each copied stretch by a descriptor of
 * its own, compares it with its source while both are in the system's cache, and lets the cache forget it once it is on the disk.
 */
export class Follower {
  readonly copies = new Copies()
  /** Not the descriptor that is written by: each hears once of an error of the disk. */
  #fd: number | undefined
  #comparing: Promise<void> = Promise.resolve()
  #lettingGo: Promise<void> = Promise.resolve()
  readonly #equal: { readonly at: number; readonly length: number }[] = []

  constructor(private readonly path: string) {}

  /** As `writeback.startWriting`. */
  async startWriting(at: number, length: number): Promise<boolean> {
    return startWriting(this.#open(), at, length)
  }

  /**
   * The `length` bytes at `at` were copied from `offset` of the file at `from`. Returns once what was copied before is compared. What
   * differs, or cannot be compared, is no error here: `copies` does not hold it.
   */
  async copied(at: number, from: FilePlace, offset: number, length: number): Promise<void> {
    await this.#comparing
    this.#comparing = this.#isEqual(at, from, offset, length).then(
      (equal) => {
        if (!equal) return
        this.copies.add(at, from.file, offset, length)
        this.#equal.push({ at, length })
      },
      // What cannot be compared now is compared at the end.
      () => undefined,
    )
    await this.#lettingGo
    const last = this.#equal.length > BEHIND ? this.#equal.shift() : undefined
    if (last) this.#lettingGo = letGo(this.#open(), last.at, last.length).catch(() => undefined)
  }

  /** Waits for what is under way. */
  async settled(): Promise<void> {
    await this.#comparing
    await this.#lettingGo
  }

  /** Once it is settled. */
  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd)
    this.#fd = undefined
  }

  async #isEqual(at: number, from: FilePlace, offset: number, length: number): Promise<boolean> {
    const within = at % PAGE
    const source = from.mapping(offset + length)
    // Nobody else knows of the file that is written.
    const written = source && mapFile(this.#open(), within + length, () => true, at - within)
    if (!written) return false
    const equal = written.isEqual(within, source, offset, length)
    written.unmap()
    return (await equal) === true
  }

  #open(): number {
    this.#fd ??= openSync(this.path, 'r')
    return this.#fd
  }
}
