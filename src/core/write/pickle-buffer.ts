import { AssayError } from '../errors'

/** The bytes of a pickle of protocol 2 in the making. */
export class PickleBuffer {
  private buffer = new Uint8Array(4096)
  private view = new DataView(this.buffer.buffer)
  private size = 0

  take(): Uint8Array {
    return this.buffer.slice(0, this.size)
  }

  bytes(...values: readonly number[]): void {
    this.reserve(values.length)
    for (const value of values) this.buffer[this.size++] = value
  }

  /** An opcode whose byte is a letter. */
  opcode(letter: string): void {
    this.bytes(letter.charCodeAt(0))
  }

  get(index: number): void {
    if (index < 256) this.bytes(0x68, index)
    else this.u32('j', index)
  }

  put(index: number): void {
    if (index < 256) this.bytes(0x71, index)
    else this.u32('r', index)
  }

  float(value: number): void {
    this.opcode('G')
    this.reserve(8)
    this.view.setFloat64(this.size, value)
    this.size += 8
  }

  /** BININT1, BININT2, BININT, or two's complement in LONG1 and LONG4. Numbers must be whole. */
  integer(value: number | bigint): void {
    if (typeof value === 'number' && Number.isInteger(value) && value >= -0x80000000 && value <= 0x7fffffff) {
      if (value >= 0 && value < 0x100) this.bytes(0x4b, value)
      else if (value >= 0 && value < 0x10000) this.bytes(0x4d, value & 255, value >> 8)
      else this.u32('J', value >>> 0)
      return
    }
    if (typeof value === 'number' && !Number.isInteger(value)) {
      throw new AssayError('pickle/malformed', `The value cannot be pickled: ${value} stands where an int belongs`)
    }
    const data = twosComplement(BigInt(value))
    if (data.length < 256) this.bytes(0x8a, data.length)
    else {
      this.bytes(0x8b)
      this.length(data.length)
    }
    this.append(data)
  }

  /** BINUNICODE; lone surrogates as Python's `surrogatepass` has them. */
  text(value: string): void {
    const data = wtf8(value)
    this.u32('X', data.length)
    this.append(data)
  }

  line(value: string): void {
    this.append(wtf8(value))
    this.bytes(0x0a)
  }

  private u32(letter: string, value: number): void {
    this.opcode(letter)
    this.length(value)
  }

  private length(value: number): void {
    this.reserve(4)
    this.view.setUint32(this.size, value, true)
    this.size += 4
  }

  private append(data: Uint8Array): void {
    this.reserve(data.length)
    this.buffer.set(data, this.size)
    this.size += data.length
  }

  private reserve(more: number): void {
    if (this.size + more <= this.buffer.length) return
    const larger = new Uint8Array(Math.max(this.buffer.length * 2, this.size + more))
    larger.set(this.buffer.subarray(0, this.size))
    this.buffer = larger
    this.view = new DataView(larger.buffer)
  }
}

function twosComplement(value: bigint): Uint8Array {
  let bits = (value < 0n ? ~value : value).toString(2).length + 1
  bits += (8 - (bits % 8)) % 8
  const hex = BigInt.asUintN(bits, value)
    .toString(16)
    .padStart(bits / 4, '0')
  const data = new Uint8Array(bits / 8)
  for (let i = 0; i < data.length; i++) data[data.length - 1 - i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16)
  return data
}

const encoder = new TextEncoder()

function wtf8(text: string): Uint8Array {
  if (!/\p{Surrogate}/u.test(text)) return encoder.encode(text)
  const out: number[] = []
  for (const character of text) {
    const code = character.codePointAt(0) as number
    if (code >= 0xd800 && code <= 0xdfff) out.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63))
    else out.push(...encoder.encode(character))
  }
  return Uint8Array.from(out)
}
