import { JsonReader } from './json-reader'
import type { Plain } from './plain'

/** Values in one file, as `JsonReader` counts them: the history of more than a million logged steps, 600 MB of memory. */
const MOST_VALUES = 24_000_000

/**
 * JSON as Python's `json` module writes it: bare `NaN`, `Infinity` and `-Infinity` are numbers, integers beyond 2^53 become
 * bigints, of keys given twice the last counts. Objects have no prototype, so that a key `__proto__` is a key like any other.
 * A byte order mark at the start is skipped. Throws AssayError `file/bad-header`, or `file/resource-bomb` for more than 24
 * million values; `name` is what it calls the file.
 */
export function parseJson(text: string, name: string): Plain {
  const reader = new JsonReader(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text, name, name, MOST_VALUES)
  const value = reader.value()
  reader.end()
  return value
}
