import { deflateRawSync } from 'node:zlib'
import { slicedCrc32 } from '../../../src/core/container/crc32'

export interface Member {
  name: string
  data: Uint8Array
  /** Stored unless told otherwise. */
  deflate?: boolean
  /** Sizes 0 in the local header and a descriptor behind the data, as torch writes. */
  descriptor?: boolean
  /** Fields of the directory that are to lie. */
  lie?: Partial<{ crc32: number; compressedSize: number; size: number; offset: number; flags: number; method: number }>
}

/** A zip archive of the given members; `zip64` adds the end records that torch writes, and 64-bit sizes and offsets. */
export function makeZip(
  members: Member[],
  more: { zip64?: boolean; comment?: string; prefix?: Uint8Array } = {},
): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  const put = (list: Uint8Array[], ...pieces: Uint8Array[]): number => {
    list.push(...pieces)
    return pieces.reduce((sum, piece) => sum + piece.length, 0)
  }
  for (const { name, data, deflate, descriptor, lie } of members) {
    const nameBytes = new TextEncoder().encode(name)
    const stored = deflate ? new Uint8Array(deflateRawSync(data)) : data
    const crc = slicedCrc32(data)
    const flags = lie?.flags ?? (descriptor ? 0x808 : 0x800)
    const method = lie?.method ?? (deflate ? 8 : 0)
    const offset = lie?.offset ?? at
    const sizes = descriptor ? [0, 0, 0] : [crc, stored.length, data.length]
    at += put(
      parts,
      numbers([4, 0x04034b50], [2, 20], [2, flags], [2, method], [4, 0], ...sizes.map((n): Field => [4, n])),
      numbers([2, nameBytes.length], [2, 0]),
      nameBytes,
      stored,
    )
    if (descriptor) at += put(parts, numbers([4, 0x08074b50], [4, crc], [4, stored.length], [4, data.length]))
    const compressedSize = lie?.compressedSize ?? stored.length
    const size = lie?.size ?? data.length
    const fields: Field[] = more.zip64
      ? [
          [4, 0xffffffff],
          [4, 0xffffffff],
          [2, nameBytes.length],
          [2, 28],
        ]
      : [
          [4, compressedSize],
          [4, size],
          [2, nameBytes.length],
          [2, 0],
        ]
    put(
      directory,
      numbers([4, 0x02014b50], [2, 20], [2, 20], [2, flags], [2, method], [4, 0], [4, lie?.crc32 ?? crc], ...fields),
      numbers([2, 0], [2, 0], [2, 0], [4, 0], [4, more.zip64 ? 0xffffffff : offset]),
      nameBytes,
      more.zip64 ? numbers([2, 1], [2, 24], [8, size], [8, compressedSize], [8, offset]) : new Uint8Array(0),
    )
  }
  const start = at
  const length = directory.reduce((sum, piece) => sum + piece.length, 0)
  const count = members.length
  parts.push(concat(directory))
  if (more.zip64) {
    const end = start + length
    parts.push(
      numbers(
        [4, 0x06064b50],
        [8, 44],
        [2, 45],
        [2, 45],
        [4, 0],
        [4, 0],
        [8, count],
        [8, count],
        [8, length],
        [8, start],
      ),
      numbers([4, 0x07064b50], [4, 0], [8, end], [4, 1]),
    )
  }
  const comment = new TextEncoder().encode(more.comment ?? '')
  const short = (value: number, saturated: number) => (more.zip64 ? saturated : value)
  parts.push(
    numbers([4, 0x06054b50], [2, 0], [2, 0], [2, short(count, 0xffff)], [2, short(count, 0xffff)]),
    numbers([4, short(length, 0xffffffff)], [4, short(start, 0xffffffff)], [2, comment.length]),
    comment,
  )
  return concat([more.prefix ?? new Uint8Array(0), ...parts])
}

type Field = [bytes: number, value: number]

function numbers(...fields: Field[]): Uint8Array {
  const bytes = new Uint8Array(fields.reduce((sum, [length]) => sum + length, 0))
  const view = new DataView(bytes.buffer)
  let at = 0
  for (const [length, value] of fields) {
    if (length === 2) view.setUint16(at, value, true)
    else if (length === 4) view.setUint32(at, value, true)
    else view.setBigUint64(at, BigInt(value), true)
    at += length
  }
  return bytes
}

export function concat(pieces: Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let at = 0
  for (const piece of pieces) {
    all.set(piece, at)
    at += piece.length
  }
  return all
}
