import { AssayError } from '../errors'
import { JsonReader } from './json-reader'
import { quote, type Report } from './report'
import { sharedShapes } from './shared-shapes'

/** One tensor as the header words it. Numbers are what stands there: negative, fractional or beyond 2^53 ones too. */
export interface HeaderEntry {
  readonly name: string
  readonly dtype: string
  /** One list for all entries of a shape. */
  readonly shape: readonly number[]
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
/** Real files have tens of thousands of tensors, the largest known 1.3 million, and a few lines of metadata. */
const MOST_TENSORS = 2 ** 21
const MOST_METADATA = 2 ** 16

/**
 * Parses the JSON header of a safetensors file in one pass that keeps what `JSON.parse` hides: names given twice. Throws AssayError
 * `file/bad-header` when it is no JSON object in UTF-8, `file/resource-bomb` beyond two million tensors; an entry that is no tensor
 * goes to `report` and is left out. `name` is what messages call the file. Format: huggingface/safetensors,
 * safetensors/src/tensor.rs (0.8.0).
 */
export function parseSafetensorsHeader(bytes: Uint8Array, name: string, report: Report): SafetensorsHeader {
  const reader = new JsonReader(decode(bytes, name), name, `The header of ${name}`)
  const entries: HeaderEntry[] = []
  const shared = sharedShapes()
  let metadata: Record<string, string> | undefined
  const trouble = (subject: string, message: string) => report.add('header', 'file/bad-header', subject, message)
  for (let more = reader.enter('{'); more; more = reader.more('}')) {
    const key = reader.key()
    if (key === '__metadata__') {
      if (metadata) trouble(name, '__metadata__ is given twice; readers refuse the file')
      metadata = readMetadata(reader, (why) => trouble(name, `${why}; readers refuse the file`))
      continue
    }
    const entry = readEntry(reader, key, shared)
    if (entry) entries.push(entry)
    else trouble(key, `The entry of ${quote(key)} has no valid dtype, shape and data_offsets`)
    if (entries.length > MOST_TENSORS) {
      throw new AssayError('file/resource-bomb', `${name} lists more than ${MOST_TENSORS} tensors`, { file: name })
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
function readEntry(reader: JsonReader, name: string, shared: ReturnType<typeof sharedShapes>): HeaderEntry | undefined {
  if (reader.peek() !== '{') {
    reader.skip()
    return undefined
  }
  let dtype: string | undefined
  let shape: number[] | undefined
  let offsets: number[] | undefined
  let fields = 0
  for (let more = reader.enter('{'); more; more = reader.more('}')) {
    const key = reader.key()
    if (key === 'dtype') dtype = readText(reader)
    else if (key === 'shape') shape = readNumbers(reader, MOST_DIMENSIONS)
    else if (key === 'data_offsets') offsets = readNumbers(reader, 2)
    else {
      reader.skip()
      continue
    }
    fields++
  }
  if (fields !== 3 || dtype === undefined || !shape || offsets?.length !== 2) return undefined
  return { name, dtype, shape: shared(shape), begin: offsets[0] as number, end: offsets[1] as number }
}

function readText(reader: JsonReader): string | undefined {
  if (reader.peek() === '"') return reader.string()
  reader.skip()
  return undefined
}

/** An array of up to `most` numbers, else undefined. Integers beyond 2^53, which stand for nothing real, become inexact. */
function readNumbers(reader: JsonReader, most: number): number[] | undefined {
  if (reader.peek() !== '[') {
    reader.skip()
    return undefined
  }
  let numbers: number[] | undefined = []
  for (let more = reader.enter('['); more; more = reader.more(']')) {
    const nested = '[{"'.includes(reader.peek())
    const value = nested ? reader.skip() : reader.value()
    const number = typeof value === 'bigint' ? Number(value) : value
    if (typeof number !== 'number' || numbers?.length === most) numbers = undefined
    numbers?.push(number as number)
  }
  return numbers
}

function readMetadata(reader: JsonReader, trouble: (why: string) => void): Record<string, string> {
  const metadata: Record<string, string> = Object.create(null)
  if (reader.peek() !== '{') {
    if (reader.peek() === 'n') reader.skip()
    else {
      trouble('__metadata__ is no object')
      reader.skip()
    }
    return metadata
  }
  let count = 0
  for (let more = reader.enter('{'); more; more = reader.more('}')) {
    const key = reader.key()
    const text = readText(reader)
    if (text === undefined) trouble(`__metadata__ holds something else than text under ${quote(key)}`)
    else if (count++ < MOST_METADATA) metadata[key] = text
  }
  return metadata
}
