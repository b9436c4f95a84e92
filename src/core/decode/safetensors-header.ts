import { AssayError } from '../errors'
import { JsonReader } from './json-reader'
import type { Plain } from './plain'
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

/** numpy takes 64 dimensions, torch as many. */
const MOST_DIMENSIONS = 64

/**
 * Parses the JSON header of a safetensors file in one pass that keeps what `JSON.parse` hides: names given twice. Throws AssayError
 * `file/bad-header` when it is no JSON object in UTF-8; an entry that is no tensor goes to `report` and is left out.
 * `name` is what messages call the file. Format: huggingface/safetensors, safetensors/src/tensor.rs (0.8.0).
 */
export function parseSafetensorsHeader(bytes: Uint8Array, name: string, report: Report): SafetensorsHeader {
  const reader = new JsonReader(decode(bytes, name), name, `The header of ${name}`)
  const entries: HeaderEntry[] = []
  let metadata: Record<string, string> | undefined
  const trouble = (subject: string, message: string) => report.add('header', 'file/bad-header', subject, message)
  for (let more = reader.enter('{'); more; more = reader.more('}')) {
    const key = reader.key()
    if (key === '__metadata__') {
      if (metadata) trouble(name, '__metadata__ is given twice; readers refuse the file')
      metadata = readMetadata(reader.value(), name, trouble)
    } else {
      const entry = readEntry(reader, key)
      if (entry) entries.push(entry)
      else trouble(key, `The entry of ${quote(key)} has no valid dtype, shape and data_offsets`)
    }
  }
  if (reader.peek() !== '') trouble(name, 'The header goes on after the end of its JSON; readers refuse the file')
  return { entries, metadata: metadata ?? Object.create(null) }
}

function decode(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new AssayError('file/bad-header', `The header of ${name} is not valid UTF-8`, {
      file: name,
      offset: 8,
      cause,
    })
  }
}

/** The entry at hand, or undefined when it is not an object that gives each of the three fields once. */
function readEntry(reader: JsonReader, name: string): HeaderEntry | undefined {
  if (reader.peek() !== '{') {
    reader.value()
    return undefined
  }
  let dtype: Plain | undefined
  let shape: Plain | undefined
  let offsets: Plain | undefined
  let fields = 0
  for (let more = reader.enter('{'); more; more = reader.more('}')) {
    const key = reader.key()
    const value = reader.value()
    if (key === 'dtype') dtype = value
    else if (key === 'shape') shape = value
    else if (key === 'data_offsets') offsets = value
    else continue
    fields++
  }
  if (fields !== 3 || typeof dtype !== 'string' || !isNumbers(shape) || !isNumbers(offsets)) return undefined
  if (shape.length > MOST_DIMENSIONS || offsets.length !== 2) return undefined
  return { name, dtype, shape, begin: offsets[0] as number, end: offsets[1] as number }
}

/** Whether `value` is an array of numbers. Integers beyond 2^53, which stand for nothing real, are made inexact. */
function isNumbers(value: Plain | undefined): value is number[] {
  if (!Array.isArray(value)) return false
  for (let i = 0; i < value.length; i++) {
    if (typeof value[i] === 'bigint') value[i] = Number(value[i])
    if (typeof value[i] !== 'number') return false
  }
  return true
}

function readMetadata(
  value: Plain,
  file: string,
  trouble: (subject: string, message: string) => void,
): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null)
  if (value === null) return metadata
  if (typeof value !== 'object' || Array.isArray(value)) {
    trouble(file, '__metadata__ is no object; readers refuse the file')
    return metadata
  }
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === 'string') metadata[key] = text
    else trouble(file, `__metadata__ holds something else than text under ${quote(key)}; readers refuse the file`)
  }
  return metadata
}
