import { inflateRaw } from '../../bytes/inflate'
import { type ByteSource, checkRange, readBytes } from '../../bytes/source'
import { AssayError } from '../../errors'
import type { Fields } from './fields'

/** A step that chunks went through on their way into the file, by its number in the registry of filters. */
export interface Filter {
  readonly id: number
  readonly values: readonly number[]
}

const DEFLATE = 1
const SHUFFLE = 2
const FLETCHER32 = 3

/** Names of filters that are not undone. */
const NAMES: ReadonlyMap<number, string> = new Map([
  [4, 'szip'],
  [5, 'nbit'],
  [6, 'scaleoffset'],
  [32000, 'LZF'],
  [32001, 'Blosc'],
  [32004, 'LZ4'],
  [32008, 'bitshuffle'],
  [32013, 'ZFP'],
  [32015, 'Zstandard'],
])

/** A filter pipeline message, versions 1 and 2, in the order of writing (HDF5 File Format Specification 3.0, IV.A.2.l). */
export function readFilters(fields: Fields): Filter[] {
  const version = fields.u8()
  if (version !== 1 && version !== 2) fields.fail(`filters have version ${version}; versions 1 and 2 are known`)
  const count = fields.u8()
  if (version === 1) fields.skip(6)
  return Array.from({ length: count }, () => {
    const id = fields.u16()
    const name = version === 1 || id >= 256 ? fields.u16() : 0
    fields.skip(2)
    const values = fields.u16()
    fields.skip(name)
    const filter = { id, values: Array.from({ length: values }, () => fields.u32()) }
    if (version === 1 && values % 2 === 1) fields.skip(4)
    return filter
  })
}

/** What of the filters is not undone, in words; undefined where all are. */
export function unknownFilter(filters: readonly Filter[]): string | undefined {
  const unknown = filters.find(({ id }) => id !== DEFLATE && id !== SHUFFLE && id !== FLETCHER32)
  return unknown && `compressed with ${NAMES.get(unknown.id) ?? `filter ${unknown.id}`}`
}

/** Bytes of unfiltered chunks kept: a row of values goes through all chunks beside one another. */
const KEPT = 1 << 24

/** Keeps the chunks read last, of all datasets of a file together. */
export class ChunkCache {
  readonly #kept = new Map<object, Uint8Array>()
  #bytes = 0

  async of(chunk: object, make: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const known = this.#kept.get(chunk)
    const bytes = known ?? (await make())
    this.#kept.delete(chunk)
    this.#kept.set(chunk, bytes)
    if (!known) this.#bytes += bytes.length
    for (const [oldest, { length }] of this.#kept) {
      if (this.#bytes <= KEPT || oldest === chunk) break
      this.#kept.delete(oldest)
      this.#bytes -= length
    }
    return bytes
  }
}

/**
 * The values in a filtered chunk: `size` bytes out of `byteLength` stored ones from byte `begin` on. `filters` are those the chunk
 * went through, `item` the bytes of an element. The checksum of fletcher32 is passed over. Reads throw AssayError as `inflateRaw`,
 * and `file/bad-header` where the chunk gives another number of bytes.
 */
export function chunkSource(
  source: ByteSource,
  stored: { readonly begin: number; readonly byteLength: number },
  filters: readonly Filter[],
  size: number,
  item: number,
  cache: ChunkCache,
): ByteSource {
  const { name } = source
  const unfiltered = async (): Promise<Uint8Array> => {
    let bytes = await readBytes(source, stored.begin, stored.byteLength)
    for (const { id } of filters.toReversed()) {
      if (id === FLETCHER32) bytes = bytes.subarray(0, Math.max(bytes.length - 4, 0))
      // Behind the two bytes of a zlib header.
      else if (id === DEFLATE) bytes = inflateRaw(bytes.subarray(2), size + 4, name)
      else bytes = unshuffled(bytes, item)
    }
    if (bytes.length === size) return bytes
    const message = `${name}: a chunk should hold ${size} bytes and gives ${bytes.length}`
    throw new AssayError('file/bad-header', message, { file: name, offset: stored.begin })
  }
  return {
    name,
    size,
    async read(offset, target) {
      checkRange(this, offset, target.byteLength)
      const bytes = await cache.of(this, unfiltered)
      target.set(bytes.subarray(offset, offset + target.byteLength))
    },
    close() {},
  }
}

/** The shuffle filter stores the first bytes of all elements, then all second bytes, and so on; what is left over stays. */
function unshuffled(bytes: Uint8Array, item: number): Uint8Array {
  const count = Math.floor(bytes.length / item)
  const whole = Uint8Array.from(bytes)
  for (let b = 0; b < item; b++) {
    for (let i = 0; i < count; i++) whole[i * item + b] = bytes[b * count + i] as number
  }
  return whole
}
