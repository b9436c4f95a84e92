import { AssayError } from '../errors'

/**
 * Decompresses a block of Snappy (google/snappy, format_description.txt): a length as a varint, then literals and copies of what
 * was already written. Throws AssayError `file/resource-bomb` for more than `limit` bytes, `file/bad-header` where the block
 * makes no sense. `name` is for messages.
 */
export function unsnap(bytes: Uint8Array, limit: number, name: string): Uint8Array {
  const fail = (code: string, why: string): never => {
    throw new AssayError(code, `${name}: a block of Snappy ${why}`, { file: name })
  }
  let at = 0
  const next = (count: number): number => {
    let value = 0
    for (let i = 0; i < count; i++) value += (bytes[at + i] ?? fail('file/bad-header', 'ends early')) * 256 ** i
    at += count
    return value
  }
  let size = 0
  for (let scale = 1; ; scale *= 128) {
    const byte = next(1)
    size += (byte & 127) * scale
    if (byte < 128) break
    if (scale > 2 ** 28) fail('file/bad-header', 'claims no size')
  }
  if (size > limit) fail('file/resource-bomb', `grows to ${size} bytes`)
  const target = new Uint8Array(size)
  let end = 0
  while (at < bytes.length) {
    const tag = next(1)
    const kind = tag & 3
    if (kind === 0) {
      const short = tag >> 2
      const length = (short < 60 ? short : next(short - 59)) + 1
      if (at + length > bytes.length || end + length > size) fail('file/bad-header', 'holds too many bytes')
      target.set(bytes.subarray(at, at + length), end)
      at += length
      end += length
      continue
    }
    const length = kind === 1 ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1
    const back = kind === 1 ? (tag >> 5) * 256 + next(1) : next(kind === 2 ? 2 : 4)
    if (back === 0 || back > end || end + length > size) fail('file/bad-header', 'repeats bytes that are not there')
    // What is copied may reach into what is being written: byte by byte.
    for (let i = 0; i < length; i++, end++) target[end] = target[end - back] as number
  }
  if (end !== size) fail('file/bad-header', `gives ${end} of ${size} bytes`)
  return target
}
