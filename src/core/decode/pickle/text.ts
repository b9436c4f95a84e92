/**
 * Text as pickles store it. Each function takes the bytes [start, end) of `bytes`.
 */

const fatal = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Up to here making a text by hand is faster than TextDecoder. */
const SHORT = 40

/** UTF-8, with lone surrogates kept as Python's `surrogatepass` keeps them; undefined when it is no UTF-8 at all. */
export function utf8(bytes: Uint8Array, start: number, end: number): string | undefined {
  const short = end - start <= SHORT ? ascii(bytes, start, end) : undefined
  if (short !== undefined) return short
  try {
    return fatal.decode(bytes.subarray(start, end))
  } catch {
    return withSurrogates(bytes, start, end)
  }
}

/** One character a byte. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  const short = end - start <= SHORT ? ascii(bytes, start, end) : undefined
  if (short !== undefined) return short
  const parts: string[] = []
  for (let at = start; at < end; at += 4096) {
    parts.push(String.fromCharCode(...bytes.subarray(at, Math.min(at + 4096, end))))
  }
  return parts.join('')
}

/** The bytes of a text whose characters are all below 256: how protocol 2 carries `bytes`. Undefined for other text. */
export function latin1Bytes(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length)
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 255) return undefined
    bytes[i] = code
  }
  return bytes
}

/**
 * UNICODE's raw-unicode-escape: latin-1 with `\\uXXXX` and `\\UXXXXXXXX`, where a backslash that is itself preceded by an odd
 * number of them escapes nothing. Undefined when an escape is broken.
 */
export function rawUnicodeEscape(line: string): string | undefined {
  const parts: string[] = []
  let from = 0
  for (let i = line.indexOf('\\'); i >= 0; i = line.indexOf('\\', i)) {
    const kind = line[i + 1]
    const digits = kind === 'u' ? 4 : kind === 'U' ? 8 : 0
    if (digits === 0) {
      i += 2
      continue
    }
    const hex = line.slice(i + 2, i + 2 + digits)
    const code = /^[0-9a-fA-F]+$/.test(hex) && hex.length === digits ? Number.parseInt(hex, 16) : Infinity
    if (code > 0x10ffff) return undefined
    parts.push(line.slice(from, i), String.fromCodePoint(code))
    i += 2 + digits
    from = i
  }
  parts.push(line.slice(from))
  return parts.join('')
}

const ESCAPES = new Map([
  ['a', 7],
  ['b', 8],
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['\\', 0x5c],
  ["'", 0x27],
  ['"', 0x22],
])

/** STRING's quoted Python literal as bytes. Undefined when it is not quoted or an escape is broken. */
export function quotedBytes(line: string): Uint8Array | undefined {
  const text = line.trim()
  const last = text.length - 1
  const quote = text[0]
  if (last < 1 || (quote !== "'" && quote !== '"') || text[last] !== quote) return undefined
  const out = new Uint8Array(text.length)
  let size = 0
  for (let i = 1; i < last; i++) {
    if (text[i] !== '\\') {
      out[size++] = text.charCodeAt(i)
      continue
    }
    if (++i >= last) return undefined
    const octal = /^[0-7]{1,3}/.exec(text.slice(i, Math.min(i + 3, last)))
    const known = ESCAPES.get(text[i] as string)
    if (octal) {
      out[size++] = Number.parseInt(octal[0], 8)
      i += octal[0].length - 1
    } else if (text[i] === 'x') {
      const hex = text.slice(i + 1, Math.min(i + 3, last))
      if (!/^[0-9a-fA-F]{2}$/.test(hex)) return undefined
      out[size++] = Number.parseInt(hex, 16)
      i += 2
    } else {
      if (known === undefined) out[size++] = 0x5c
      out[size++] = known ?? text.charCodeAt(i)
    }
  }
  return out.slice(0, size)
}

function ascii(bytes: Uint8Array, start: number, end: number): string | undefined {
  const codes = new Array<number>(end - start)
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    if (byte > 127) return undefined
    codes[i - start] = byte
  }
  return String.fromCharCode.apply(null, codes)
}

function withSurrogates(bytes: Uint8Array, start: number, end: number): string | undefined {
  const parts: string[] = []
  let from = start
  try {
    for (let i = start; i + 2 < end; i++) {
      const [a, b, c] = [bytes[i] as number, bytes[i + 1] as number, bytes[i + 2] as number]
      if (a !== 0xed || b < 0xa0 || b > 0xbf || c < 0x80 || c > 0xbf) continue
      parts.push(
        fatal.decode(bytes.subarray(from, i)),
        String.fromCharCode(((a & 15) << 12) | ((b & 63) << 6) | (c & 63)),
      )
      from = i + 3
      i += 2
    }
    parts.push(fatal.decode(bytes.subarray(from, end)))
  } catch {
    return undefined
  }
  return parts.join('')
}
