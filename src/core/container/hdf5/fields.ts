import { AssayError } from '../../errors'

/** Bytes of an address and of a length in one file; its superblock says. */
export interface Widths {
  readonly address: number
  readonly length: number
}

/** Steps through a structure of an HDF5 file that is in memory: little endian, its numbers of any width. */
export class Fields {
  #at = 0

  /** `begin` is the byte offset of `bytes` in `file`, for messages and for what is kept where it lies. */
  constructor(
    readonly bytes: Uint8Array,
    readonly begin: number,
    private readonly widths: Widths,
    private readonly file: string,
  ) {}

  get left(): number {
    return this.bytes.length - this.#at
  }

  /** Byte offset in the file of the next field. */
  get offset(): number {
    return this.begin + this.#at
  }

  /** An unsigned number of `width` bytes. Beyond 2^53 it is inexact, and larger than any file. */
  uint(width: number): number {
    const bytes = this.take(width)
    let value = 0
    for (let i = width - 1; i >= 0; i--) value = value * 256 + (bytes[i] as number)
    return value
  }

  u8(): number {
    return this.uint(1)
  }

  u16(): number {
    return this.uint(2)
  }

  u32(): number {
    return this.uint(4)
  }

  length(): number {
    return this.uint(this.widths.length)
  }

  /** An address relative to the base of the file; undefined where it says that there is nothing (all bits set). */
  address(): number | undefined {
    const bytes = this.take(this.widths.address)
    if (bytes.every((byte) => byte === 0xff)) return undefined
    return bytes.reduceRight((value, byte) => value * 256 + byte, 0)
  }

  skip(length: number): void {
    this.take(length)
  }

  /** The next bytes, not copied. Throws `file/bad-header` when the structure ends first. */
  take(length: number): Uint8Array {
    if (length > this.left) this.fail(`a structure ends ${length - this.left} bytes before its fields do`)
    this.#at += length
    return this.bytes.subarray(this.#at - length, this.#at)
  }

  /** The next `length` bytes as fields of their own. */
  part(length: number): Fields {
    const begin = this.offset
    return new Fields(this.take(length), begin, this.widths, this.file)
  }

  /** Text up to a zero byte, which is stepped over; `multiple` is what the text with its zero is padded to. */
  text(multiple = 1): string {
    const end = this.bytes.indexOf(0, this.#at)
    if (end < 0) this.fail('a text has no end')
    const length = end + 1 - this.#at
    const text = textOf(this.take(length))
    this.skip(Math.min(padding(length, multiple), this.left))
    return text
  }

  /** Whether the next bytes are these characters; they are stepped over. */
  is(signature: string): boolean {
    return latin1.decode(this.take(signature.length)) === signature
  }

  fail(message: string): never {
    throw new AssayError('file/bad-header', `${this.file}: ${message} (byte ${this.offset})`, {
      file: this.file,
      offset: this.offset,
    })
  }
}

const utf8 = new TextDecoder()
const latin1 = new TextDecoder('latin1')

/** Text up to its first zero byte. */
export function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return utf8.decode(end < 0 ? bytes : bytes.subarray(0, end))
}

/** Bytes that make `length` a multiple. */
export function padding(length: number, multiple: number): number {
  return (multiple - (length % multiple)) % multiple
}
