import type { FileOnDisk, FilePlace } from './source'

/** What tells a file, and that it has not changed. */
type Identity = Pick<FileOnDisk, 'dev' | 'ino' | 'size' | 'mtimeMs'>

/** Bytes of a new file that are those of another. */
interface Run {
  readonly at: number
  length: number
  readonly from: FileOnDisk
  /** Where they lie in `from`. */
  readonly offset: number
}

/**
 * What of a new file has been read back and found to be what it was copied from, so that it need not be compared again as long as
 * neither file changes.
 */
export class Copies {
  /** In the order of the new file. */
  readonly #runs: Run[] = []
  #file: Identity | undefined

  /** The `length` bytes at `at`, behind all that were added before, are those of `from` at `offset`. */
  add(at: number, from: FileOnDisk, offset: number, length: number): void {
    const last = this.#runs.at(-1)
    if (last && last.from === from && at === last.at + last.length && offset === last.offset + last.length)
      last.length += length
    else this.#runs.push({ at, length, from, offset })
  }

  /** What the new file is once it is finished; until then nothing is known of it. */
  finish(file: Identity): void {
    this.#file = file
  }

  /** How many bytes at a place in the new file, opened again, are known to be those at another, from there on. */
  known(copy: FilePlace, from: FilePlace): number {
    const run = this.#runs[this.#indexOf(copy.offset)]
    if (!run || !this.#file || !isSame(copy.file, this.#file) || !isSame(from.file, run.from)) return 0
    if (from.offset - run.offset !== copy.offset - run.at) return 0
    return Math.max(run.at + run.length - copy.offset, 0)
  }

  /** The last run that begins at `at` or before, -1 if none does. */
  #indexOf(at: number): number {
    let [low, high] = [0, this.#runs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#runs[middle] as Run).at <= at) low = middle + 1
      else high = middle
    }
    return low - 1
  }
}

function isSame(a: Identity, b: Identity): boolean {
  return a.ino === b.ino && a.dev === b.dev && a.size === b.size && a.mtimeMs === b.mtimeMs
}
