import { OPCODES, type OpcodeName } from '../../../../src/core/decode/pickle/opcodes'

/** Opcode names, numbers for single bytes, texts and arrays for what stands as it is. */
export type Part = OpcodeName | number | Uint8Array | { readonly text: string }

/** A pickle written out. */
export function pickle(...parts: readonly Part[]): Uint8Array {
  const pieces = parts.map((part) => {
    if (part instanceof Uint8Array) return part
    if (typeof part === 'object') return new TextEncoder().encode(part.text)
    return Uint8Array.of(typeof part === 'number' ? part : codeOf(part))
  })
  return new Uint8Array(Buffer.concat(pieces))
}

/** Text as it stands, for lines and data. */
export function raw(text: string): { readonly text: string } {
  return { text }
}

/** SHORT_BINUNICODE with its length. */
export function text(value: string): Uint8Array {
  const data = new TextEncoder().encode(value)
  return Uint8Array.from([codeOf('SHORT_BINUNICODE'), data.length, ...data])
}

/** GLOBAL with its two lines. */
export function global(module: string, name: string): Uint8Array {
  return Uint8Array.from([codeOf('GLOBAL'), ...new TextEncoder().encode(`${module}\n${name}\n`)])
}

/** An integer in so many bytes, little endian. */
export function little(value: bigint | number, size: number): Uint8Array {
  const bytes = new Uint8Array(size)
  let left = BigInt.asUintN(size * 8, BigInt(value))
  for (let i = 0; i < size; i++, left >>= 8n) bytes[i] = Number(left & 255n)
  return bytes
}

function codeOf(name: OpcodeName): number {
  return OPCODES.find((opcode) => opcode.name === name)?.code as number
}
