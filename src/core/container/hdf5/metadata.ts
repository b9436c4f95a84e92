import { type ByteSource, readBytes } from '../../bytes/source'
import { AssayError } from '../../errors'
import { Fields, type Widths } from './fields'

/** Longest single structure that is read: names of a group, a block of an object header, texts of a global heap. */
const LONGEST = 1 << 25

/**
 * Reads the structures of an HDF5 file by their addresses, and sees to it that this ends: no structure is stepped through
 * twice, and all together are no longer than a few times the file.
 */
export class Metadata {
  readonly #visited = new Set<string>()
  #budget: number

  /** `base` is the byte offset that addresses count from. */
  constructor(
    readonly source: ByteSource,
    readonly base: number,
    readonly widths: Widths,
  ) {
    this.#budget = 4 * source.size + (1 << 16)
  }

  /** `length` bytes at an address. Throws `file/truncated` beyond the end and `file/resource-bomb` beyond the bounds. */
  async at(address: number, length: number): Promise<Fields> {
    const { name } = this.source
    const offset = this.base + address
    this.#budget -= length
    if (length > LONGEST || this.#budget < 0) {
      const message = `${name}: a structure of ${length} bytes at byte ${offset} is beyond all measure`
      throw new AssayError('file/resource-bomb', message, { file: name, offset })
    }
    return new Fields(await readBytes(this.source, offset, length), offset, this.widths, name)
  }

  /** As `at`, or what is left of the file where it is less. */
  async upTo(address: number, length: number): Promise<Fields> {
    const there = this.source.size - this.base - address
    return this.at(address, Math.max(Math.min(length, there), 0))
  }

  /** Throws `file/bad-header` when a structure of this kind was entered at the address before: then it is part of a circle. */
  enter(kind: string, address: number): void {
    const key = `${kind} ${address}`
    if (this.#visited.has(key)) {
      const { name } = this.source
      const offset = this.base + address
      const message = `${name}: the ${kind} at byte ${offset} is reached twice: it is in a circle`
      throw new AssayError('file/bad-header', message, { file: name, offset })
    }
    this.#visited.add(key)
  }
}
