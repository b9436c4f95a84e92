import type { ByteSource } from '../bytes/source'
import { AssayError } from '../errors'
import { Cursor } from './cursor'

/** A field of a message that lies in a file: a number, or the place of its bytes. */
export interface PlacedField {
  readonly number: number
  /** A variable-length integer, as a signed 64-bit one; inexact beyond 2^53. */
  readonly varint?: number
  /** Byte offset and length of a text, a message or a list, or of 4 or 8 bytes little endian. */
  readonly begin: number
  readonly length: number
  /** How it is written: 0 varint, 1 eight bytes, 2 bytes with their length, 5 four bytes. */
  readonly wire: number
}

/**
 * The fields of a protobuf message from byte `begin` to `end` of a file, their bytes not read: a model of gigabytes is one message.
 * Throws AssayError `file/truncated` where the file ends inside a field, `file/bad-header` where the message makes no sense.
 */
export async function* placedFields(source: ByteSource, begin: number, end: number): AsyncGenerator<PlacedField> {
  const cursor = new Cursor(source, begin, true)
  const fail = (why: string): never => {
    const { name } = source
    throw new AssayError('file/bad-header', `${name}: ${why} (byte ${cursor.offset})`, {
      file: name,
      offset: cursor.offset,
    })
  }
  const varint = async (): Promise<number> => {
    let low = 0
    let value: bigint | undefined
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = await cursor.u8()
      if (shift < 28) low += (byte & 127) << shift
      else value = (value ?? BigInt(low)) | (BigInt(byte & 127) << BigInt(shift))
      if (byte < 128) return value === undefined ? low : Number(BigInt.asIntN(64, value))
    }
    return fail('an integer has no end')
  }
  while (cursor.offset < end) {
    const key = await varint()
    const wire = key % 8
    const number = Math.floor(key / 8)
    if (number < 1) fail('a field has no number')
    if (wire === 0) {
      const at = cursor.offset
      yield { number, varint: await varint(), begin: at, length: cursor.offset - at, wire }
      continue
    }
    const length =
      wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? await varint() : fail(`a field of kind ${wire} is unknown`)
    const at = cursor.offset
    if (length < 0) fail('a field has a negative length')
    if (at + length > end && end < source.size) fail('a field is longer than the message it is in')
    yield { number, begin: at, length, wire }
    // Only now: what is in front of the end of a file that was cut off can be read.
    cursor.offset = at
    cursor.skip(length)
  }
}
