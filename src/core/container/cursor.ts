import { type ByteSource, checkRange, readBytes } from '../bytes/source'
import { AssayError } from '../errors'

/** Bytes read ahead. */
const WINDOW = 1 << 16

/**
 * Steps through the fields of a header whose length is not known before it is read. Every method throws `file/truncated` when
 * the source ends first; no length read from the file is believed before it has been compared with what is left.
 */
export class Cursor {
  #window: DataView = new DataView(new ArrayBuffer(0))
  #at = 0

  constructor(
    private readonly source: ByteSource,
    /** Byte offset of the next field. */
    public offset: number,
    private readonly little: boolean,
  ) {}

  /** Bytes behind the cursor. */
  get left(): number {
    return this.source.size - this.offset
  }

  async u8(): Promise<number> {
    return (await this.#field(1)).getUint8(this.#at)
  }

  async i8(): Promise<number> {
    return (await this.#field(1)).getInt8(this.#at)
  }

  async u16(): Promise<number> {
    return (await this.#field(2)).getUint16(this.#at, this.little)
  }

  async i16(): Promise<number> {
    return (await this.#field(2)).getInt16(this.#at, this.little)
  }

  async u32(): Promise<number> {
    return (await this.#field(4)).getUint32(this.#at, this.little)
  }

  async i32(): Promise<number> {
    return (await this.#field(4)).getInt32(this.#at, this.little)
  }

  async u64(): Promise<bigint> {
    return (await this.#field(8)).getBigUint64(this.#at, this.little)
  }

  async i64(): Promise<bigint> {
    return (await this.#field(8)).getBigInt64(this.#at, this.little)
  }

  async f32(): Promise<number> {
    return (await this.#field(4)).getFloat32(this.#at, this.little)
  }

  async f64(): Promise<number> {
    return (await this.#field(8)).getFloat64(this.#at, this.little)
  }

  /** Steps over `length` bytes. */
  skip(length: number): void {
    checkRange(this.source, this.offset, length)
    this.offset += length
  }

  /** Bytes of their own memory. */
  async bytes(length: number): Promise<Uint8Array> {
    const bytes = await readBytes(this.source, this.offset, length)
    this.offset += length
    return bytes
  }

  /**
   * A count of things that take at least `each` bytes. Throws `file/bad-header` for one that what is left of the file cannot
   * hold: `what` names the things.
   */
  checked(count: number | bigint, each: number, what: string): number {
    if (count <= Math.floor(this.left / each)) return Number(count)
    const { name } = this.source
    throw new AssayError('file/bad-header', `${name} claims ${count} ${what}; what is left of it cannot hold them`, {
      file: name,
      offset: this.offset,
    })
  }

  /** The window with the next `length` bytes in it, at `#at`; the cursor steps over them. */
  async #field(length: number): Promise<DataView> {
    const end = this.#start + this.#window.byteLength
    if (this.offset < this.#start || this.offset + length > end) {
      checkRange(this.source, this.offset, length)
      const bytes = await readBytes(this.source, this.offset, Math.min(WINDOW, this.left))
      this.#window = new DataView(bytes.buffer)
      this.#start = this.offset
    }
    this.#at = this.offset - this.#start
    this.offset += length
    return this.#window
  }

  #start = 0
}
