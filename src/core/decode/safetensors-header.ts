import { AssayError } from '../errors'
import { quote, type Report } from './report'

/** One tensor as the header words it. Numbers are what stands there: negative, fractional or beyond 2^53 ones too. */
export interface HeaderEntry {
  readonly name: string
  readonly dtype: string
  readonly shape: number[]
  readonly begin: number
  readonly end: number
}

export interface SafetensorsHeader {
  /** In the order of the header, those given twice as often as they are given. */
  readonly entries: HeaderEntry[]
  /** `__metadata__`, without prototype. */
  readonly metadata: Record<string, string>
}

const DEEPEST = 500
/** numpy takes 64 dimensions, torch as many. */
const MOST_DIMENSIONS = 64

const [TAB, LF, CR, SPACE, QUOTE, COMMA, MINUS, DOT, ZERO, NINE, COLON] = [9, 10, 13, 32, 34, 44, 45, 46, 48, 57, 58]
const [BRACKET, BACKSLASH, BRACKET_END, BRACE, BRACE_END] = [91, 92, 93, 123, 125]

/**
 * Parses the JSON header of a safetensors file in one pass over its bytes: 100,000 tensors in a tenth of a second. It keeps
 * what `JSON.parse` hides (names given twice) and never recurses. Throws AssayError `file/bad-header` with an offset relative
 * to the file when the JSON is broken or no object; an entry that is no tensor goes to `report` and is left out.
 * Format: huggingface/safetensors, safetensors/src/tensor.rs (0.8.0).
 */
export function parseSafetensorsHeader(bytes: Uint8Array, name: string, report: Report): SafetensorsHeader {
  return new Parser(bytes, name, report).document()
}

class Parser {
  #at = 0
  readonly #entries: HeaderEntry[] = []
  #metadata: Record<string, string> | undefined
  readonly #utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

  constructor(
    private readonly bytes: Uint8Array,
    private readonly file: string,
    private readonly report: Report,
  ) {}

  document(): SafetensorsHeader {
    this.#space()
    if (this.bytes[this.#at] !== BRACE) this.#fail('it does not start with {')
    this.#members((name) => {
      if (name === '__metadata__') this.#readMetadata()
      else this.#readEntry(name)
    })
    this.#space()
    if (this.#at < this.bytes.length) {
      this.#report(
        this.file,
        `The header goes on after its JSON ends (at byte ${8 + this.#at}); readers refuse the file`,
      )
    }
    return { entries: this.#entries, metadata: this.#metadata ?? Object.create(null) }
  }

  #readEntry(name: string): void {
    if (this.bytes[this.#at] !== BRACE) {
      this.#skip()
      this.#report(name, `The entry of ${quote(name)} is no object with dtype, shape and data_offsets`)
      return
    }
    let dtype: string | undefined
    let shape: number[] | undefined
    let offsets: number[] | undefined
    let twice = false
    this.#members((key) => {
      if (key === 'dtype') {
        twice ||= dtype !== undefined
        dtype = this.bytes[this.#at] === QUOTE ? this.#string() : this.#skip()
      } else if (key === 'shape') {
        twice ||= shape !== undefined
        shape = this.#numbers()
      } else if (key === 'data_offsets') {
        twice ||= offsets !== undefined
        offsets = this.#numbers()
      } else this.#skip()
    })
    if (twice || dtype === undefined || !shape || offsets?.length !== 2) {
      const what = twice ? 'gives a field twice' : 'lacks a valid dtype, shape or data_offsets'
      this.#report(name, `The entry of ${quote(name)} ${what}`)
      return
    }
    this.#entries.push({ name, dtype, shape, begin: offsets[0] as number, end: offsets[1] as number })
  }

  #readMetadata(): void {
    if (this.#metadata) this.#report(this.file, '__metadata__ is given twice; readers refuse the file')
    const metadata: Record<string, string> = Object.create(null)
    if (this.bytes[this.#at] === BRACE) {
      this.#members((key) => {
        if (this.bytes[this.#at] === QUOTE) metadata[key] = this.#string()
        else {
          this.#skip()
          this.#report(this.file, `__metadata__ holds something else than text under ${quote(key)}`)
        }
      })
    } else if (this.#skipText() !== 'null') {
      this.#report(this.file, '__metadata__ is no object; readers refuse the file')
    }
    this.#metadata = metadata
  }

  /** Steps through an object, calling `member` at each value. */
  #members(member: (key: string) => void): void {
    this.#at++
    this.#space()
    if (this.bytes[this.#at] === BRACE_END) {
      this.#at++
      return
    }
    for (;;) {
      if (this.bytes[this.#at] !== QUOTE) this.#fail('a key in double quotes is missing')
      const key = this.#string()
      this.#space()
      if (this.bytes[this.#at] !== COLON) this.#fail('a colon is missing')
      this.#at++
      this.#space()
      member(key)
      this.#space()
      const next = this.bytes[this.#at]
      if (next !== COMMA && next !== BRACE_END) this.#fail('a comma or } is missing')
      this.#at++
      if (next === BRACE_END) return
      this.#space()
    }
  }

  /** An array of numbers; undefined, and stepped over, when it is anything else or has too many. */
  #numbers(): number[] | undefined {
    const start = this.#at
    if (this.bytes[start] === BRACKET) {
      const numbers: number[] = []
      this.#at++
      this.#space()
      if (this.bytes[this.#at] === BRACKET_END) {
        this.#at++
        return numbers
      }
      while (numbers.length < MOST_DIMENSIONS) {
        const number = this.#number()
        if (number === undefined) break
        numbers.push(number)
        this.#space()
        const next = this.bytes[this.#at++]
        if (next === BRACKET_END) return numbers
        if (next !== COMMA) break
        this.#space()
      }
    }
    this.#at = start
    this.#skip()
    return undefined
  }

  #number(): number | undefined {
    const start = this.#at
    let value = 0
    let at = start
    for (let byte = this.bytes[at]; byte !== undefined && byte >= ZERO && byte <= NINE; byte = this.bytes[++at]) {
      value = value * 10 + (byte - ZERO)
    }
    const next = this.bytes[at]
    const plain = at > start && next !== DOT && next !== 0x65 && next !== 0x45
    if (plain && (at === start + 1 || this.bytes[start] !== ZERO)) {
      this.#at = at
      return value
    }
    if (plain || (at === start && next !== MINUS)) return undefined
    return Number(this.#skipText())
  }

  #string(): string {
    const start = this.#at + 1
    const { bytes } = this
    let at = start
    let escaped = false
    for (let byte = bytes[at]; byte !== QUOTE; byte = bytes[++at]) {
      if (byte === undefined) this.#fail('a string does not end')
      if (byte < SPACE) this.#fail('a control character stands in a string')
      if (byte === BACKSLASH) {
        escaped = true
        at++
      }
    }
    const text = this.#decode(start, at)
    this.#at = at + 1
    return escaped ? (this.#parse(`"${text}"`) as string) : text
  }

  /** Steps over any value. */
  #skip(): undefined {
    this.#skipText()
  }

  /** Steps over any value and returns its text, once the JSON of it proved sound. */
  #skipText(): string {
    const start = this.#at
    const { bytes } = this
    let depth = 0
    for (;;) {
      const byte = bytes[this.#at]
      if (byte === undefined) this.#fail('it ends early')
      if (byte === QUOTE) this.#string()
      else if (byte === BRACE || byte === BRACKET) {
        if (++depth > DEEPEST) this.#fail(`more than ${DEEPEST} arrays and objects lie one in another`)
        this.#at++
      } else if (depth === 0 && (byte === COMMA || byte === BRACE_END || byte === BRACKET_END)) break
      else {
        if (byte === BRACE_END || byte === BRACKET_END) depth--
        this.#at++
      }
      if (depth === 0 && endsValue(bytes[this.#at])) break
    }
    const text = this.#decode(start, this.#at)
    this.#parse(text)
    return text
  }

  #decode(start: number, end: number): string {
    const { bytes } = this
    if (end - start <= 16) {
      // Shorter than the cost of calling the decoder.
      let text = ''
      for (let i = start; i < end; i++) {
        const byte = bytes[i] as number
        if (byte > 0x7e) return this.#decodeUtf8(start, end)
        text += String.fromCharCode(byte)
      }
      return text
    }
    return this.#decodeUtf8(start, end)
  }

  #decodeUtf8(start: number, end: number): string {
    try {
      return this.#utf8.decode(this.bytes.subarray(start, end))
    } catch {
      return this.#fail('it is not valid UTF-8', start)
    }
  }

  #parse(text: string): unknown {
    try {
      return JSON.parse(text)
    } catch {
      return this.#fail('a value is not valid JSON')
    }
  }

  #space(): void {
    for (;;) {
      const byte = this.bytes[this.#at]
      if (byte !== SPACE && byte !== LF && byte !== TAB && byte !== CR) return
      this.#at++
    }
  }

  #report(subject: string, message: string): void {
    this.report.add('header', 'file/bad-header', subject, message)
  }

  #fail(what: string, at = this.#at): never {
    throw new AssayError('file/bad-header', `The header of ${this.file} is not valid: ${what} (at byte ${8 + at})`, {
      file: this.file,
      offset: 8 + at,
    })
  }
}

function endsValue(byte: number | undefined): boolean {
  return (
    byte === COMMA ||
    byte === BRACE_END ||
    byte === BRACKET_END ||
    byte === SPACE ||
    byte === LF ||
    byte === TAB ||
    byte === CR
  )
}
