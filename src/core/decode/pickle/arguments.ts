import type { ArgumentKind } from './opcodes'
import type { PickleState } from './state'

/**
 * Reads the argument at `offset` into the state and returns the offset after it. Nothing is copied: data and lines stay
 * where they are, between `start` and `end`. Throws `pickle/malformed` when the bytes left cannot hold it.
 */
export function readArgument(s: PickleState, kind: ArgumentKind, offset: number): number {
  switch (kind) {
    case 'none':
      return offset
    case 'u8':
      need(s, offset, 1)
      s.argument = s.bytes[offset] as number
      return offset + 1
    case 'u16':
      s.argument = uint(s, offset, 2)
      return offset + 2
    case 'i32':
      s.argument = uint(s, offset, 4) | 0
      return offset + 4
    case 'u32':
      s.argument = uint(s, offset, 4)
      return offset + 4
    case 'u64':
      s.argument = uint(s, offset, 8)
      s.end = offset + 8
      return offset + 8
    case 'f64be':
      need(s, offset, 8)
      s.argument = new DataView(s.bytes.buffer, s.bytes.byteOffset + offset, 8).getFloat64(0)
      return offset + 8
    case 'line':
      s.start = offset
      s.end = lineEnd(s, offset)
      return s.end + 1
    case 'lines2':
      s.start = offset
      s.end = lineEnd(s, offset)
      s.secondStart = s.end + 1
      s.secondEnd = lineEnd(s, s.secondStart)
      return s.secondEnd + 1
    case 'counted-u8':
      return data(s, offset + 1, uint(s, offset, 1))
    case 'counted-i32':
      return data(s, offset + 4, uint(s, offset, 4) | 0)
    case 'counted-u32':
      return data(s, offset + 4, uint(s, offset, 4))
    case 'counted-u64':
      return data(s, offset + 8, uint(s, offset, 8))
  }
}

/** Little endian. Beyond 2^53 the value is rounded, which is as much beyond every file. */
function uint(s: PickleState, offset: number, size: number): number {
  need(s, offset, size)
  let value = 0
  for (let i = size - 1; i >= 0; i--) value = value * 256 + (s.bytes[offset + i] as number)
  return value
}

function need(s: PickleState, offset: number, size: number): void {
  if (offset + size > s.bytes.length) s.runOut('ends inside an opcode')
}

function lineEnd(s: PickleState, offset: number): number {
  const end = s.bytes.indexOf(0x0a, offset)
  if (end < 0) s.runOut('ends inside a line')
  return end
}

function data(s: PickleState, start: number, length: number): number {
  const left = s.bytes.length - start
  if (length < 0) s.fail(`claims ${length} bytes of data`)
  if (length > left) s.runOut(`claims ${length} bytes of data where ${left} are left`)
  s.start = start
  s.end = start + length
  return s.end
}
