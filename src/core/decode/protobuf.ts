/** One field of a message. Numbers of wire types 0, 1 and 5 are in `varint` or `fixed`, texts, messages and lists in `bytes`. */
export interface ProtoField {
  readonly number: number
  /** A variable-length integer, as a signed 64-bit one; inexact beyond 2^53. */
  readonly varint?: number
  /** 4 or 8 bytes, little endian. */
  readonly fixed?: DataView
  readonly bytes?: Uint8Array
}

/**
 * The fields of a protobuf message, in their order, whatever the message is. Stops at the first byte that makes no sense: a
 * message is read as far as it goes.
 */
export function* protoFields(message: Uint8Array): Generator<ProtoField> {
  let at = 0
  const varint = (): number | undefined => {
    let value = 0n
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at++]
      if (byte === undefined) return undefined
      value |= BigInt(byte & 127) << shift
      if (byte < 128) return Number(BigInt.asIntN(64, value))
    }
    return undefined
  }
  while (at < message.length) {
    const key = varint()
    if (key === undefined || key < 8) return
    const number = Math.floor(key / 8)
    const wire = key % 8
    if (wire === 0) {
      const value = varint()
      if (value === undefined) return
      yield { number, varint: value }
      continue
    }
    const length = wire === 1 ? 8 : wire === 5 ? 4 : wire === 2 ? varint() : undefined
    if (length === undefined || length < 0 || at + length > message.length) return
    const bytes = message.subarray(at, at + length)
    at += length
    if (wire === 2) yield { number, bytes }
    else yield { number, fixed: new DataView(bytes.buffer, bytes.byteOffset, length) }
  }
}
