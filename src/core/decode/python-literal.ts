import { AssayError } from '../errors'
import type { Plain } from './plain'

/** Tuples, lists and dicts one in another. */
const DEEPEST = 32

const TOKEN = /\s*(?:([([{)\]}:,])|(-?\d+)[lL]?|u?'((?:[^'\\]|\\.)*)'|u?"((?:[^"\\]|\\.)*)"|(True|False|None))\s*/y
const WORDS: { readonly [word: string]: boolean | null } = { True: true, False: false, None: null }
const CLOSING: { readonly [opening: string]: string } = { '(': ')', '[': ']', '{': '}' }

/**
 * A Python literal of dicts, lists, tuples, texts, integers, True, False and None, as `repr` writes it, Python 2's `3L` and `u'x'`
 * included. Nothing is evaluated. Tuples become arrays; escapes in texts stay as they are. Throws AssayError
 * `file/bad-header`; `name` is what messages call the file.
 */
export function parsePythonLiteral(text: string, name: string): Plain {
  const reader = new LiteralReader(text, name)
  const value = reader.value(reader.next(), 0)
  reader.end()
  return value
}

interface Token {
  /** A bracket, a comma or a colon. */
  readonly sign?: string
  readonly value?: Plain
}

class LiteralReader {
  #at = 0

  constructor(
    private readonly text: string,
    private readonly name: string,
  ) {}

  next(): Token {
    TOKEN.lastIndex = this.#at
    const match = TOKEN.exec(this.text)
    if (!match) return this.fail()
    this.#at = TOKEN.lastIndex
    const [, sign, digits, single, double, word] = match
    if (sign !== undefined) return { sign }
    if (digits !== undefined) return { value: integer(digits) }
    return { value: word === undefined ? (single ?? double ?? '') : (WORDS[word] ?? null) }
  }

  value(token: Token, depth: number): Plain {
    if (token.value !== undefined) return token.value
    const closing = CLOSING[token.sign ?? '']
    if (closing === undefined || depth >= DEEPEST) return this.fail()
    return token.sign === '{' ? this.dict(depth + 1) : this.list(closing, depth + 1)
  }

  end(): void {
    if (this.text.slice(this.#at).trim() !== '') this.fail()
  }

  private list(closing: string, depth: number): Plain[] {
    const items: Plain[] = []
    for (let token = this.next(); token.sign !== closing; ) {
      items.push(this.value(token, depth))
      token = this.separator(closing)
    }
    return items
  }

  private dict(depth: number): { [key: string]: Plain } {
    const dict: { [key: string]: Plain } = Object.create(null)
    for (let token = this.next(); token.sign !== '}'; ) {
      if (typeof token.value !== 'string' || this.next().sign !== ':') return this.fail()
      dict[token.value] = this.value(this.next(), depth)
      token = this.separator('}')
    }
    return dict
  }

  /** What follows an item: the closing bracket, or the token behind a comma. */
  private separator(closing: string): Token {
    const token = this.next()
    if (token.sign === closing) return token
    return token.sign === ',' ? this.next() : this.fail()
  }

  private fail(): never {
    const near = JSON.stringify(this.text.slice(this.#at, this.#at + 40))
    throw new AssayError('file/bad-header', `${this.name}: the header is no Python literal near ${near}`, {
      file: this.name,
    })
  }
}

function integer(digits: string): Plain {
  const value = Number(digits)
  return Number.isSafeInteger(value) ? value : digits.length > 4300 ? Number.POSITIVE_INFINITY : BigInt(digits)
}
