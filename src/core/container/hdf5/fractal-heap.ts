import type { Fields } from './fields'
import type { Metadata } from './metadata'
import { bytesFor } from './tree2'

/** Indirect blocks in indirect blocks. */
const DEEPEST = 16

/** Kinds of objects, in bits 4 and 5 of their id. */
const MANAGED = 0
const TINY = 2

/**
 * Objects of any length in blocks that double in size (HDF5 File Format Specification 3.0, III.G; widths as HDF5 1.14, H5HFhdr.c).
 * Heaps behind filters and objects larger than a block are not read.
 */
export class FractalHeap {
  readonly #indirect = new Map<number, Promise<readonly (number | undefined)[]>>()

  private constructor(
    private readonly metadata: Metadata,
    private readonly head: Head,
  ) {}

  /** Throws AssayError as `Metadata`. */
  static async open(metadata: Metadata, address: number): Promise<FractalHeap> {
    const { widths } = metadata
    const fields = await metadata.at(address, 22 + 3 * widths.address + 12 * widths.length)
    if (!fields.is('FRHP')) fields.fail('there is no fractal heap where one should be')
    fields.skip(3)
    const filtered = fields.u16() > 0
    fields.skip(1)
    const largest = fields.u32()
    fields.skip(2 * widths.address + 10 * widths.length)
    const width = fields.u16()
    const start = fields.length()
    const largestDirect = fields.length()
    const offsetBytes = Math.ceil(fields.u16() / 8)
    fields.skip(2)
    const root = fields.address()
    const rows = fields.u16()
    const powers = [width, start, largestDirect].every((size) => size > 0 && Number.isInteger(Math.log2(size)))
    if (!powers || offsetBytes > 8 || start > largestDirect) fields.fail('a fractal heap has impossible sizes')
    if (filtered) fields.fail('a fractal heap went through filters, which is not read')
    const directRows = Math.log2(largestDirect / start) + 2
    const lengthBytes = Math.min(Math.ceil(Math.log2(largestDirect) / 8), bytesFor(largest))
    return new FractalHeap(metadata, { root, rows, width, start, directRows, offsetBytes, lengthBytes })
  }

  /** The object of an id, which is the next field of `id`. Throws AssayError as `Metadata`. */
  async object(id: Fields): Promise<Fields> {
    const { offsetBytes, lengthBytes } = this.head
    const first = id.u8()
    const kind = (first >> 4) & 3
    if (kind === TINY) return id.part((first & 15) + 1)
    if (kind !== MANAGED) return id.fail('an object is larger than the blocks of its heap, which is not read')
    const offset = id.uint(offsetBytes)
    const length = id.uint(lengthBytes)
    return this.metadata.at(await this.#place(offset, id), length)
  }

  /** Address of a byte of the heap's own space, in which each block has its place. */
  async #place(offset: number, id: Fields): Promise<number> {
    const { root, width, start, directRows } = this.head
    let { rows } = this.head
    let block = root
    let left = offset
    for (let depth = 0; block !== undefined && depth < DEEPEST; depth++) {
      if (rows === 0) return block + left
      const first = width * start
      const row = left < first ? 0 : Math.floor(Math.log2(left / first)) + 1
      const size = start * 2 ** Math.max(row - 1, 0)
      const begin = row === 0 ? 0 : first * 2 ** (row - 1)
      const column = Math.floor((left - begin) / size)
      const children = await this.#children(block, rows)
      block = children[row * width + column]
      left -= begin + column * size
      rows = row < directRows ? 0 : Math.log2(size / first) + 1
    }
    return id.fail('an object lies outside of its heap')
  }

  /** Addresses of the blocks that an indirect block leads to, row by row. */
  #children(block: number, rows: number): Promise<readonly (number | undefined)[]> {
    const known = this.#indirect.get(block)
    if (known) return known
    const read = this.#read(block, rows)
    this.#indirect.set(block, read)
    return read
  }

  async #read(block: number, rows: number): Promise<readonly (number | undefined)[]> {
    const { widths } = this.metadata
    const count = rows * this.head.width
    const before = 5 + widths.address + this.head.offsetBytes
    const fields = await this.metadata.at(block, before + count * widths.address)
    if (!fields.is('FHIB')) fields.fail('there is no block of a heap where one should be')
    fields.skip(before - 4)
    return Array.from({ length: count }, () => fields.address())
  }
}

interface Head {
  /** Of the only direct block where there are no rows, else of an indirect block. */
  readonly root: number | undefined
  readonly rows: number
  /** Blocks in a row. */
  readonly width: number
  /** Bytes of the smallest blocks, those of the first two rows. */
  readonly start: number
  /** Rows of direct blocks; those behind lead to indirect ones. */
  readonly directRows: number
  readonly offsetBytes: number
  readonly lengthBytes: number
}
