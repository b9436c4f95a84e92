import { JsonReader } from './json-reader'
import type { Plain } from './plain'

/**
 * JSON as Python's `json` module writes it: bare `NaN`, `Infinity` and `-Infinity` are numbers, integers beyond 2^53 become
 * bigints, of keys given twice the last counts. Objects have no prototype, so that a key `__proto__` is a key like any other.
 * A byte order mark at the start is skipped. Throws AssayError `file/bad-header`; `name` is what it calls the file.
 */
export function parseJson(text: string, name: string): Plain {
  const reader = new JsonReader(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, name)
  const value = reader.value()
  reader.end()
  return value
}
