import type { ByteSource } from '../bytes/source'
import { maskedCrc32c } from './crc32c'
import { Cursor } from './cursor'

export interface TfRecord {
  /** Byte offset of the record in the file. */
  readonly offset: number
  /** Undefined for a record longer than was asked for, which is stepped over unread. */
  readonly data?: Uint8Array
  /** Whether the data is what its checksum says. */
  readonly sound: boolean
}

/** Why the records end before the file does. */
export interface TfEnd {
  readonly offset: number
  readonly why: 'cut' | 'damaged'
}

/** u64 length, u32 checksum of it; behind the data u32 checksum of that. All little endian. */
const HEADER = 12
const FOOTER = 4

/** Whether `head` begins with the length of a record and the checksum of that length. */
export function beginsLikeTfRecord(head: Uint8Array): boolean {
  if (head.length < HEADER) return false
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  return maskedCrc32c(head.subarray(0, 8)) === view.getUint32(8, true)
}

/**
 * The records of a TFRecord file one by one (tensorflow/core/lib/io/record_writer.h). Those longer than `largest` bytes are not
 * read. Returns why it stopped, where the file does not end with a record: the end is cut, as in a file that is still written,
 * or the length of a record is not what its checksum says. Throws as `ByteSource.read`.
 */
export async function* tfRecords(source: ByteSource, largest: number): AsyncGenerator<TfRecord, TfEnd | undefined> {
  const cursor = new Cursor(source, 0, true)
  while (cursor.left > 0) {
    const { offset } = cursor
    if (cursor.left < HEADER) return { offset, why: 'cut' }
    const header = await cursor.bytes(HEADER)
    if (!beginsLikeTfRecord(header)) return { offset, why: 'damaged' }
    const length = Number(new DataView(header.buffer).getBigUint64(0, true))
    if (length + FOOTER > cursor.left) return { offset, why: 'cut' }
    if (length > largest) {
      cursor.skip(length + FOOTER)
      yield { offset, sound: true }
      continue
    }
    const data = await cursor.bytes(length)
    const sound = (await cursor.u32()) === maskedCrc32c(data)
    yield { offset, data, sound }
  }
  return undefined
}
