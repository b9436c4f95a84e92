import type { Fields } from './fields'
import type { Metadata } from './metadata'

/** Types of header messages that are read (HDF5 File Format Specification 3.0, IV.A.2). */
export const MESSAGE = {
  dataspace: 0x01,
  linkInfo: 0x02,
  datatype: 0x03,
  link: 0x06,
  externalFiles: 0x07,
  layout: 0x08,
  filters: 0x0b,
  attribute: 0x0c,
  continuation: 0x10,
  symbolTable: 0x11,
  attributeInfo: 0x15,
} as const

export interface Message {
  readonly type: number
  /** Its contents are elsewhere; `body` says where. */
  readonly shared: boolean
  readonly body: Fields
}

/** Bytes of an object header's beginning, of either version: enough to know the rest. */
const PREFIX = 40
const CHECKSUM = 4

/** How the messages of one header lie in its blocks. */
interface Format {
  /** Bytes in front of a message's contents. */
  readonly head: number
  /** What a continuation block begins with. With a signature it also ends with a checksum. */
  readonly signature: string
  next(block: Fields): Message
}

/**
 * All messages of an object header, versions 1 and 2, continuation blocks followed in their order. Throws AssayError as
 * `Metadata.at`, and `file/bad-header` for what is no object header.
 */
export async function readMessages(metadata: Metadata, address: number): Promise<Message[]> {
  const start = await metadata.upTo(address, PREFIX)
  const first = start.u8()
  if (first === 1) {
    start.skip(7)
    const length = start.u32()
    return follow(metadata, await metadata.at(address + 16, length), VERSION_1)
  }
  if (first !== 0x4f || !start.is('HDR')) return start.fail('there is no object header where one should be')
  const version = start.u8()
  if (version !== 2) start.fail(`the object header has version ${version}; versions 1 and 2 are known`)
  const flags = start.u8()
  start.skip((flags & 32 ? 16 : 0) + (flags & 16 ? 4 : 0))
  const length = start.uint(1 << (flags & 3))
  return follow(metadata, await metadata.at(start.offset - metadata.base, length), version2((flags & 4) !== 0))
}

const VERSION_1: Format = {
  head: 8,
  signature: '',
  next(block) {
    const type = block.u16()
    const length = block.u16()
    const flags = block.u8()
    block.skip(3)
    return { type, shared: (flags & 2) !== 0, body: block.part(length) }
  },
}

function version2(ordered: boolean): Format {
  return {
    head: ordered ? 6 : 4,
    signature: 'OCHK',
    next(block) {
      const type = block.u8()
      const length = block.u16()
      const flags = block.u8()
      if (ordered) block.skip(2)
      return { type, shared: (flags & 2) !== 0, body: block.part(length) }
    },
  }
}

async function follow(metadata: Metadata, first: Fields, { head, signature, next }: Format): Promise<Message[]> {
  const messages: Message[] = []
  const blocks = [first]
  for (const block of blocks) {
    while (block.left >= head) {
      const message = next(block)
      if (message.type !== MESSAGE.continuation) {
        messages.push(message)
        continue
      }
      const address = message.body.address()
      const length = message.body.length()
      if (address === undefined) return message.body.fail('the rest of an object header has no place')
      metadata.enter('block of an object header', address)
      const more = await metadata.at(address, length)
      if (!more.is(signature)) more.fail('there is no rest of an object header where it should be')
      blocks.push(signature === '' ? more : more.part(more.left - CHECKSUM))
    }
  }
  return messages
}
