import { type ByteSource, readBytes } from '../bytes/source'
import { unsnap } from '../decode/snappy'
import { AssayError } from '../errors'

/** Last bytes of a LevelDB table (leveldb, table/format.h, kTableMagicNumber). */
export const TABLE_MAGIC: readonly number[] = [0x57, 0xfb, 0x80, 0x8b, 0x24, 0x75, 0x47, 0xdb]

/** Footer: two places of blocks, padded, and the magic. Behind a block: how it is compressed, and a checksum. */
const FOOTER = 48
const TRAILER = 5
const LARGEST_BLOCK = 1 << 26
const LONGEST_KEY = 1 << 16
const SNAPPY = 1

interface Place {
  readonly offset: number
  readonly size: number
}

/** An entry of a table. Both arrays are its own. */
export interface TableEntry {
  readonly key: Uint8Array
  readonly value: Uint8Array
}

/**
 * The entries of a LevelDB table in their order (leveldb, doc/table_format.md): an index block that leads to data blocks, each stored
 * or compressed by Snappy. Throws AssayError `file/truncated`, `file/bad-header`, `file/resource-bomb`.
 */
export async function* tableEntries(source: ByteSource): AsyncGenerator<TableEntry> {
  const footer = new Reader(await readBytes(source, source.size - FOOTER, FOOTER), source.name)
  footer.place()
  const index = await readBlock(source, footer.place())
  let total = 0
  for (const { value } of entriesOf(index, source.name)) {
    const place = new Reader(value, source.name).place()
    total += place.size
    // Blocks lie side by side: together they are no longer than the file.
    if (total > source.size) new Reader(value, source.name).fail('has blocks that overlap')
    yield* entriesOf(await readBlock(source, place), source.name)
  }
}

async function readBlock(source: ByteSource, { offset, size }: Place): Promise<Uint8Array> {
  const { name } = source
  if (size > LARGEST_BLOCK) {
    throw new AssayError('file/resource-bomb', `${name}: a block of ${size} bytes is beyond all measure`, {
      file: name,
      offset,
    })
  }
  const bytes = await readBytes(source, offset, size + TRAILER)
  const block = bytes.subarray(0, size)
  const kind = bytes[size]
  if (kind === 0) return block
  if (kind === SNAPPY) return unsnap(block, LARGEST_BLOCK, name)
  throw new AssayError('file/bad-header', `${name}: a block is compressed in a way (${kind}) that is unknown`, {
    file: name,
    offset,
  })
}

/** Each key shares its beginning with the key before it. Behind the entries lie the places where a key is whole. */
function* entriesOf(block: Uint8Array, name: string): Generator<TableEntry> {
  const reader = new Reader(block, name)
  if (block.length < 4) reader.fail('has a block without an end')
  const restarts = new DataView(block.buffer, block.byteOffset + block.length - 4).getUint32(0, true)
  const end = block.length - 4 - 4 * restarts
  if (end < 0) reader.fail('has a block without entries')
  let key = new Uint8Array()
  while (reader.at < end) {
    const shared = reader.varint()
    const own = reader.varint()
    const length = reader.varint()
    if (shared > key.length || shared + own > LONGEST_KEY) reader.fail('has a key that makes no sense')
    const next = new Uint8Array(shared + own)
    next.set(key.subarray(0, shared))
    next.set(reader.take(own), shared)
    key = next
    yield { key, value: reader.take(length) }
  }
}

class Reader {
  at = 0

  constructor(
    private readonly bytes: Uint8Array,
    private readonly name: string,
  ) {}

  varint(): number {
    let value = 0
    for (let scale = 1; scale < 2 ** 63; scale *= 128) {
      const byte = this.take(1)[0] as number
      value += (byte & 127) * scale
      if (byte < 128) return value
    }
    return this.fail('has an integer without an end')
  }

  place(): Place {
    return { offset: this.varint(), size: this.varint() }
  }

  take(length: number): Uint8Array {
    if (this.at + length > this.bytes.length) this.fail('has an entry longer than its block')
    this.at += length
    return this.bytes.subarray(this.at - length, this.at)
  }

  fail(why: string): never {
    throw new AssayError('file/bad-header', `${this.name} ${why}`, { file: this.name })
  }
}
