import type { ByteSource } from '../bytes/source'
import type { Plain } from '../decode/plain'
import { AssayError } from '../errors'
import { Cursor } from './cursor'

/** An array in a MessagePack file. */
export interface FlaxArray {
  /** Keys from the root on, a dot between them. */
  readonly name: string
  readonly shape: readonly number[]
  /** As numpy names it. */
  readonly dtype: string
  /** Byte offset of the values, and how many bytes there are. */
  readonly begin: number
  readonly length: number
}

export interface FlaxFile {
  readonly arrays: readonly FlaxArray[]
  /** Numbers, texts and truth values by the same names. */
  readonly plain: ReadonlyMap<string, Plain>
}

const DEEPEST = 64
const LONGEST_NAME = 1 << 12
const LONGEST_TEXT = 1 << 16
const MOST_DIMENSIONS = 64
/** Plain values kept: a state has some counts beside its arrays. */
const MOST_PLAIN = 1000

/** Ext types of flax (flax 0.12, serialization.py, _MsgpackExtType). */
const ARRAY = 1
const SCALAR = 3

/**
 * Lists what `flax.serialization.msgpack_serialize` wrote (flax 0.12; msgpack spec): maps in maps, arrays as ext type 1 that holds a list of shape, dtype and
 * bytes. No value of an array is read. Throws AssayError `file/truncated` and `file/bad-header`.
 */
export async function readFlax(source: ByteSource): Promise<FlaxFile> {
  const reader = new Reader(source)
  await reader.value('', 0)
  return reader
}

class Reader implements FlaxFile {
  readonly arrays: FlaxArray[] = []
  readonly plain = new Map<string, Plain>()
  readonly #cursor: Cursor

  constructor(private readonly source: ByteSource) {
    this.#cursor = new Cursor(source, 0, false)
  }

  /** Takes in the value that comes next. */
  async value(name: string, depth: number): Promise<void> {
    if (depth > DEEPEST || name.length > LONGEST_NAME) this.#fail('values lie in values beyond all measure')
    const first = await this.#cursor.u8()
    const inner = (key: string | number) => (name === '' ? String(key) : `${name}.${key}`)
    const mapCount = await this.#count(first, 0x80, 15, 0xde)
    if (mapCount !== undefined) {
      this.#cursor.checked(mapCount, 2, 'entries')
      for (let i = 0; i < mapCount; i++) {
        await this.value(inner(await this.#key()), depth + 1)
      }
      return
    }
    const listCount = await this.#count(first, 0x90, 15, 0xdc)
    if (listCount !== undefined) {
      for (let i = 0; i < listCount; i++) await this.value(inner(i), depth + 1)
      return
    }
    const ext = await this.#extLength(first)
    if (ext === undefined) return this.#keep(name, await this.#plainValue(first))
    const type = await this.#cursor.u8()
    const { offset } = this.#cursor
    const end = offset + this.#cursor.checked(ext, 1, 'bytes of a value')
    if (type === ARRAY || type === SCALAR) this.arrays.push(await this.#array(name, end))
    this.#cursor.offset = end
  }

  /** A map's key: a text, or a whole number. */
  async #key(): Promise<string> {
    const value = await this.#plainValue(await this.#cursor.u8())
    if (typeof value === 'string' || typeof value === 'number') return String(value)
    return this.#fail('a key is no text')
  }

  /** The list that ext types 1 and 3 hold: extents, name of the dtype, bytes. */
  async #array(name: string, end: number): Promise<FlaxArray> {
    const cursor = this.#cursor
    if ((await this.#count(await cursor.u8(), 0x90, 15, 0xdc)) !== 3) this.#fail('an array is no list of three')
    const rank = await this.#count(await cursor.u8(), 0x90, 15, 0xdc)
    if (rank === undefined || rank > MOST_DIMENSIONS) return this.#fail('an array has no shape')
    const shape: number[] = []
    for (let i = 0; i < rank; i++) {
      const extent = await this.#plainValue(await cursor.u8())
      if (typeof extent !== 'number' || !(extent >= 0)) return this.#fail('an array has no shape')
      shape.push(extent)
    }
    const dtype = await this.#plainValue(await cursor.u8())
    const length = await this.#binaryLength(await cursor.u8())
    if (typeof dtype !== 'string' || length === undefined) return this.#fail('an array has no values')
    if (cursor.offset + length > end) this.#fail('an array is longer than the place it is in')
    return { name, shape, dtype, begin: cursor.offset, length }
  }

  #keep(name: string, value: Plain): void {
    if (this.plain.size < MOST_PLAIN) this.plain.set(name, value)
  }

  /** Elements of a list or entries of a map: in the first byte, or in the two or four behind it. */
  async #count(first: number, fix: number, mask: number, wide: number): Promise<number | undefined> {
    if ((first & ~mask) === fix) return first & mask
    if (first === wide) return this.#cursor.u16()
    return first === wide + 1 ? this.#cursor.checked(await this.#cursor.u32(), 1, 'values') : undefined
  }

  async #extLength(first: number): Promise<number | undefined> {
    if (first >= 0xd4 && first <= 0xd8) return 1 << (first - 0xd4)
    if (first < 0xc7 || first > 0xc9) return undefined
    return this.#width(first - 0xc7)
  }

  async #binaryLength(first: number): Promise<number | undefined> {
    return first >= 0xc4 && first <= 0xc6 ? this.#width(first - 0xc4) : undefined
  }

  /** A length of 1, 2 or 4 bytes. */
  #width(power: number): Promise<number> {
    if (power === 0) return this.#cursor.u8()
    return power === 1 ? this.#cursor.u16() : this.#cursor.u32()
  }

  /** Anything but a list, a map and an ext type. Long texts and raw bytes are told by their length. */
  async #plainValue(first: number): Promise<Plain> {
    const cursor = this.#cursor
    if (first < 0x80) return first
    if (first >= 0xe0) return first - 256
    const text =
      (first & 0xe0) === 0xa0
        ? first & 31
        : first >= 0xd9 && first <= 0xdb
          ? await this.#width(first - 0xd9)
          : undefined
    const bytes = text ?? (await this.#binaryLength(first))
    if (bytes !== undefined) {
      cursor.checked(bytes, 1, 'bytes')
      if (text !== undefined && text <= LONGEST_TEXT) return new TextDecoder().decode(await cursor.bytes(text))
      cursor.skip(bytes)
      return `${bytes} bytes`
    }
    switch (first) {
      case 0xc0:
        return null
      case 0xc2:
      case 0xc3:
        return first === 0xc3
      case 0xca:
        return cursor.f32()
      case 0xcb:
        return cursor.f64()
      case 0xcc:
        return cursor.u8()
      case 0xcd:
        return cursor.u16()
      case 0xce:
        return cursor.u32()
      case 0xcf:
        return Number(await cursor.u64())
      case 0xd0:
        return cursor.i8()
      case 0xd1:
        return cursor.i16()
      case 0xd2:
        return cursor.i32()
      case 0xd3:
        return Number(await cursor.i64())
      default:
        return this.#fail(`a value begins with 0x${first.toString(16)}, which means nothing here`)
    }
  }

  #fail(why: string): never {
    const { name } = this.source
    const { offset } = this.#cursor
    throw new AssayError('file/bad-header', `${name}: ${why} (byte ${offset})`, { file: name, offset })
  }
}
