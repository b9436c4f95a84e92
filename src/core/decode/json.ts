import { AssayError } from '../errors'
import type { Plain } from './plain'

/** Arrays and objects one in another. Real files have fewer than ten. */
const DEEPEST = 500
/** Python reads no longer integers (CPython 3.11, sys.int_info.default_max_str_digits). */
const LONGEST_INTEGER = 4300

const SPACE = /[ \t\n\r]*/y
const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y
const WORD = /true|false|null|NaN|-?Infinity/y
const WORDS = new Map<string, Plain>([
  ['true', true],
  ['false', false],
  ['null', null],
  ['NaN', Number.NaN],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['-Infinity', Number.NEGATIVE_INFINITY],
])

/**
 * JSON as Python's `json` module writes it: bare `NaN`, `Infinity` and `-Infinity` are numbers, integers beyond 2^53 become
 * bigints, of keys given twice the last counts. Objects have no prototype, so that a key `__proto__` is a key like any other.
 * A byte order mark at the start is skipped. Throws AssayError `file/bad-header` with the position (in UTF-16 units) in the
 * message; `name` is what it calls the file.
 */
export function parseJson(text: string, name: string): Plain {
  return new Parser(text, name).document()
}

class Parser {
  #at = 0
  #depth = 0

  constructor(
    private readonly text: string,
    private readonly name: string,
  ) {}

  document(): Plain {
    if (this.text.charCodeAt(0) === 0xfeff) this.#at = 1
    this.#space()
    const value = this.#value()
    this.#space()
    if (this.#at < this.text.length) this.#fail('something follows the end of the value')
    return value
  }

  #value(): Plain {
    switch (this.text[this.#at]) {
      case '{':
        return this.#object()
      case '[':
        return this.#array()
      case '"':
        return this.#string()
    }
    const word = this.#take(WORD)
    if (word !== undefined) return WORDS.get(word) as Plain
    return this.#number()
  }

  #object(): Plain {
    const object: { [key: string]: Plain } = Object.create(null)
    this.#enter()
    if (this.#ended('}')) return object
    do {
      if (this.text[this.#at] !== '"') this.#fail('expected a key in double quotes')
      const key = this.#string()
      this.#space()
      if (this.text[this.#at] !== ':') this.#fail('expected a colon after the key')
      this.#at++
      this.#space()
      object[key] = this.#value()
    } while (this.#more('}'))
    return object
  }

  #array(): Plain {
    const array: Plain[] = []
    this.#enter()
    if (this.#ended(']')) return array
    do array.push(this.#value())
    while (this.#more(']'))
    return array
  }

  #enter(): void {
    if (++this.#depth > DEEPEST) this.#fail(`more than ${DEEPEST} arrays and objects lie one in another`)
    this.#at++
    this.#space()
  }

  #ended(bracket: string): boolean {
    if (this.text[this.#at] !== bracket) return false
    this.#at++
    this.#depth--
    return true
  }

  /** Steps over what follows an item: true after a comma, false after the closing bracket. */
  #more(bracket: string): boolean {
    this.#space()
    if (this.#ended(bracket)) return false
    if (this.text[this.#at] !== ',') this.#fail(`expected a comma or ${bracket}`)
    this.#at++
    this.#space()
    return true
  }

  #string(): string {
    const start = this.#at
    let end = start + 1
    let escaped = false
    for (; ; end++) {
      const code = this.text.charCodeAt(end)
      if (code === 0x22) break
      if (code === 0x5c) {
        escaped = true
        end++
      } else if (!(code >= 0x20)) {
        this.#at = end
        this.#fail(end < this.text.length ? 'a control character stands in a string' : 'a string does not end')
      }
    }
    this.#at = end + 1
    if (!escaped) return this.text.slice(start + 1, end)
    try {
      return JSON.parse(this.text.slice(start, end + 1))
    } catch {
      this.#at = start
      return this.#fail('a string holds an unknown escape')
    }
  }

  #number(): number | bigint {
    const digits = this.#take(NUMBER)
    if (digits === undefined)
      return this.#fail(this.#at < this.text.length ? 'expected a value' : 'the text ends early')
    const value = Number(digits)
    const whole = /^-?\d+$/.test(digits) && digits.length <= LONGEST_INTEGER
    return whole && !Number.isSafeInteger(value) ? BigInt(digits) : value
  }

  #space(): void {
    const code = this.text.charCodeAt(this.#at)
    if (code <= 0x20) this.#take(SPACE)
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }

  #fail(what: string): never {
    throw new AssayError('file/bad-header', `${this.name} is not valid JSON: ${what} (at character ${this.#at})`, {
      file: this.name,
    })
  }
}
