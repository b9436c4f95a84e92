import { AssayError } from '../errors'
import type { Plain } from './plain'

/** Arrays and objects one in another. Real files have fewer than ten. */
const DEEPEST = 500
/** Python reads no longer integers (CPython 3.11, sys.int_info.default_max_str_digits). */
const LONGEST_INTEGER = 4300

/** What an object weighs against a number or an array: without a prototype it takes some 200 bytes. */
const OBJECT_WEIGHT = 8

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y
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
 * Steps through JSON text, value by value. Objects can be walked key by key, which shows keys given twice and builds nothing:
 * `for (let more = reader.enter('{'); more; more = reader.more('}')) { const key = reader.key(); ... reader.value() }`.
 * Every method throws AssayError `file/bad-header`, where the text breaks the rules. `what` is what messages call it: the
 * file, or a part of it. Brackets beyond all depth throw `file/resource-bomb`, and so does `value` beyond `most` values, an
 * object counted as eight: each takes many times the memory of its text.
 */
export class JsonReader {
  #at = 0
  #depth = 0
  #built = 0

  constructor(
    private readonly text: string,
    private readonly file: string,
    private readonly what: string = file,
    private readonly most: number = Number.POSITIVE_INFINITY,
  ) {}

  /** The character that the next value begins with, white space skipped; '' at the end. */
  peek(): string {
    this.#space()
    return this.text.charAt(this.#at)
  }

  /** Steps over an opening bracket. Whether there is an item before the closing one, which is else stepped over as well. */
  enter(bracket: '{' | '['): boolean {
    if (this.peek() !== bracket) this.fail(`expected ${bracket}`)
    if (++this.#depth > DEEPEST) this.#refuse(`more than ${DEEPEST} arrays and objects one in another`)
    this.#at++
    return !this.#leave(bracket === '{' ? '}' : ']')
  }

  /** Steps over what follows an item: true after a comma, false after the closing bracket. */
  more(bracket: '}' | ']'): boolean {
    if (this.#leave(bracket)) return false
    if (this.text.charCodeAt(this.#at) !== 0x2c) this.fail(`expected a comma or ${bracket}`)
    this.#at++
    return true
  }

  /** The key of an object's next item, and the colon behind it. */
  key(): string {
    const key = this.string()
    this.#space()
    if (this.text.charCodeAt(this.#at) !== 0x3a) this.fail('expected a colon after the key')
    this.#at++
    return key
  }

  string(): string {
    this.#space()
    const { text } = this
    const start = this.#at
    if (text.charCodeAt(start) !== 0x22) this.fail('expected a text in double quotes')
    let end = start + 1
    let escaped = false
    for (let code = text.charCodeAt(end); code !== 0x22; code = text.charCodeAt(++end)) {
      if (code === 0x5c) {
        escaped = true
        end++
      } else if (!(code >= 0x20)) {
        this.#at = end
        this.fail(end < text.length ? 'a control character stands in a text' : 'a text does not end')
      }
    }
    this.#at = end + 1
    if (!escaped) return text.slice(start + 1, end)
    try {
      return JSON.parse(text.slice(start, end + 1))
    } catch {
      this.#at = start
      return this.fail('a text holds an unknown escape')
    }
  }

  value(): Plain {
    if (++this.#built > this.most) this.#refuse('more values than any file of its kind')
    switch (this.peek()) {
      case '{': {
        this.#built += OBJECT_WEIGHT - 1
        const object: { [key: string]: Plain } = Object.create(null)
        for (let more = this.enter('{'); more; more = this.more('}')) object[this.key()] = this.value()
        return object
      }
      case '[': {
        const array: Plain[] = []
        for (let more = this.enter('['); more; more = this.more(']')) array.push(this.value())
        return array
      }
      case '"':
        return this.string()
    }
    const short = this.#shortInteger()
    if (short !== undefined) return short
    const word = this.#take(WORD)
    return word === undefined ? this.#number() : (WORDS.get(word) as Plain)
  }

  /** Steps over a value of whatever size, building nothing. */
  skip(): void {
    switch (this.peek()) {
      case '{':
        for (let more = this.enter('{'); more; more = this.more('}')) {
          this.key()
          this.skip()
        }
        break
      case '[':
        for (let more = this.enter('['); more; more = this.more(']')) this.skip()
        break
      default:
        this.value()
    }
  }

  /** Asserts that nothing but white space follows. */
  end(): void {
    if (this.peek() !== '') this.fail('something follows the end of the value')
  }

  fail(why: string): never {
    throw new AssayError('file/bad-header', `${this.what} is not valid JSON: ${why} (at character ${this.#at})`, {
      file: this.file,
    })
  }

  #refuse(what: string): never {
    throw new AssayError('file/resource-bomb', `${this.what} holds ${what}`, { file: this.file })
  }

  #leave(bracket: '}' | ']'): boolean {
    if (this.peek() !== bracket) return false
    this.#at++
    this.#depth--
    return true
  }

  #number(): number | bigint {
    const digits = this.#take(NUMBER)
    if (digits === undefined) return this.fail(this.#at < this.text.length ? 'expected a value' : 'the text ends early')
    const value = Number(digits)
    if (Number.isSafeInteger(value) || digits.length > LONGEST_INTEGER || !/^-?\d+$/.test(digits)) return value
    return BigInt(digits)
  }

  /** An integer of up to 15 digits, by far the most frequent number; undefined, and nothing read, for any other. */
  #shortInteger(): number | undefined {
    let at = this.#at
    let value = 0
    let code = this.text.charCodeAt(at)
    for (; code >= 0x30 && code <= 0x39; code = this.text.charCodeAt(++at)) value = value * 10 + code - 0x30
    const length = at - this.#at
    const leadingZero = length > 1 && this.text.charCodeAt(this.#at) === 0x30
    if (length === 0 || length > 15 || leadingZero || code === 0x2e || code === 0x65 || code === 0x45) return undefined
    this.#at = at
    return value
  }

  #space(): void {
    const { text } = this
    for (;;) {
      const code = text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.text)?.[0]
    if (found !== undefined) this.#at += found.length
    return found
  }
}
