import { type Hdf5Type, readDataspace, readDatatype } from './datatype'
import { type Fields, padding, textOf } from './fields'
import type { Metadata } from './metadata'

/** Texts in one attribute; more are no list of names. */
const MOST_TEXTS = 1 << 16

/** The text of an attribute, or its texts where it has several. Undefined for one that holds something else. */
export interface Attribute {
  readonly name: string
  readonly texts: readonly string[] | undefined
}

/** Reads the texts of attributes, wherever they are kept. */
export class AttributeReader {
  readonly #heaps = new Map<number, Promise<ReadonlyMap<number, Uint8Array>>>()

  constructor(private readonly metadata: Metadata) {}

  /**
   * An attribute message, versions 1 to 3 (HDF5 File Format Specification 3.0, IV.A.2.m). Throws AssayError as `Metadata`.
   */
  async read(fields: Fields): Promise<Attribute> {
    const version = fields.u8()
    if (version < 1 || version > 3) fields.fail(`an attribute has version ${version}; versions 1 to 3 are known`)
    const flags = fields.u8()
    const lengths = [fields.u16(), fields.u16(), fields.u16()] as const
    if (version === 3) fields.skip(1)
    const part = (length: number) => {
      const inner = fields.part(length)
      if (version === 1) fields.skip(Math.min(padding(length, 8), fields.left))
      return inner
    }
    const name = textOf(part(lengths[0]).bytes)
    const type = part(lengths[1])
    const space = part(lengths[2])
    // A type or a space that is kept elsewhere: of no attribute that is looked at.
    if (version > 1 && (flags & 3) !== 0) return { name, texts: undefined }
    return { name, texts: await this.#texts(fields, readDatatype(type), readDataspace(space)) }
  }

  async #texts(data: Fields, { text, size }: Hdf5Type, shape: number[] | undefined): Promise<string[] | undefined> {
    const count = shape?.reduce((product, extent) => product * extent, 1) ?? 0
    if (text === undefined || count > MOST_TEXTS) return undefined
    const texts: string[] = []
    for (let i = 0; i < count; i++) {
      const element = data.part(size)
      texts.push(text === 'fixed' ? textOf(element.bytes) : await this.#variable(element))
    }
    return texts
  }

  async #variable(element: Fields): Promise<string> {
    const length = element.u32()
    const address = element.address()
    if (length === 0 || address === undefined || address === 0) return ''
    let heap = this.#heaps.get(address)
    if (!heap) {
      heap = readGlobalHeap(this.metadata, address)
      this.#heaps.set(address, heap)
    }
    const bytes = (await heap).get(element.u32())
    return bytes === undefined ? element.fail('a text is not in its heap') : textOf(bytes.subarray(0, length))
  }
}

/** The objects of a global heap collection by their number (HDF5 File Format Specification 3.0, III.E). */
async function readGlobalHeap(metadata: Metadata, address: number): Promise<ReadonlyMap<number, Uint8Array>> {
  const { length } = metadata.widths
  const head = await metadata.at(address, 8 + length)
  if (!head.is('GCOL')) head.fail('there is no heap of texts where one should be')
  head.skip(4)
  const collection = await metadata.at(address, head.length())
  collection.skip(8 + length)
  const objects = new Map<number, Uint8Array>()
  while (collection.left >= 8 + length) {
    const index = collection.u16()
    collection.skip(6)
    const size = collection.length()
    // Object 0 is the free space behind the last one.
    if (index === 0) break
    objects.set(index, collection.take(size))
    collection.skip(Math.min(padding(size, 8), collection.left))
  }
  return objects
}
