/** Numbers as pickles store them. Ints are numbers while they are safe integers and bigints beyond. */

/** INT and LONG: decimal, or with Python's prefixes and underscores. Undefined when it is no int. */
export function integerOfText(line: string): number | bigint | undefined {
  const [, sign, digits] =
    /^([+-]?)(\d+|0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+)$/.exec(line.replaceAll('_', '')) ?? []
  if (digits === undefined) return undefined
  const value = BigInt(digits)
  return narrow(sign === '-' ? -value : value)
}

/** Bytes of an int that a double holds exactly. */
const EXACT_BYTES = 6

/** LONG1 and LONG4: two's complement, little endian; no bytes at all are 0. */
export function integerOfBytes(bytes: Uint8Array, start: number, end: number): number | bigint {
  if (start === end) return 0
  if (end - start <= EXACT_BYTES) {
    let value = ((bytes[end - 1] as number) << 24) >> 24
    for (let i = end - 2; i >= start; i--) value = value * 256 + (bytes[i] as number)
    return value
  }
  let hex = '0x'
  for (let i = end - 1; i >= start; i--) hex += (bytes[i] as number).toString(16).padStart(2, '0')
  const value = BigInt(hex)
  const negative = (bytes[end - 1] as number) > 127
  return narrow(negative ? value - (1n << BigInt(8 * (end - start))) : value)
}

/** FLOAT: what Python's `repr` gives, `nan` and `inf` among it. Undefined when it is no float. */
export function floatOfText(line: string): number | undefined {
  const text = line.toLowerCase()
  if (/^[+-]?nan$/.test(text)) return Number.NaN
  const infinite = /^([+-]?)inf(inity)?$/.exec(text)
  if (infinite) return infinite[1] === '-' ? -Infinity : Infinity
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/.test(text) ? Number(text) : undefined
}

function narrow(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}
