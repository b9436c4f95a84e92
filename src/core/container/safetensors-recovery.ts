import { type ByteSource, readBytes } from '../bytes/source'
import { Report } from '../decode/report'
import { type HeaderEntry, parseSafetensorsHeader, type SafetensorsHeader } from '../decode/safetensors-header'
import { AssayError } from '../errors'

/** A header that was found although its length, or a part of its text, is wrong. */
export interface RecoveredHeader extends SafetensorsHeader {
  /** Byte offset in the file of the data. */
  readonly dataOffset: number
  /** What is wrong, a sentence about the file. */
  readonly message: string
}

const FIRST_WINDOW = 2 ** 16
/** The reference reader refuses longer headers (safetensors 0.8.0, MAX_HEADER_SIZE). */
const LONGEST = 100_000_000
/** The writer fills the header with spaces up to a multiple of so many bytes (safetensors 0.8.0, `prepare`). */
const ALIGNMENT = 8

/**
 * The header of a file whose length field is wrong: JSON that ends where, but for the writer's spaces, the data must begin so that
 * the last tensor ends with the file. Undefined where that is not so: at another place every value would be another. `claimed` is
 * what the file says. Reads up to the end of the JSON. Throws as the source does.
 */
export async function headerOfOtherLength(source: ByteSource, claimed: bigint): Promise<RecoveredHeader | undefined> {
  const text = await wholeJson(source)
  if (!text) return undefined
  const header = quietly(() => parseSafetensorsHeader(text, source.name, new Report()))
  if (!header || header.entries.length === 0) return undefined
  const last = header.entries.reduce((end, each) => Math.max(end, each.end), 0)
  const dataOffset = source.size - last
  const spaces = dataOffset - 8 - text.byteLength
  if (!Number.isSafeInteger(dataOffset) || spaces < 0 || spaces >= ALIGNMENT) return undefined
  if (spaces > 0 && dataOffset % ALIGNMENT !== 0) return undefined
  const fill = await readBytes(source, 8 + text.byteLength, spaces)
  if (!fill.every((byte) => byte === 0x20) || dataOffset === 8 + Number(claimed)) return undefined
  const message = `${source.name} claims a header of ${claimed} bytes, but it has ${dataOffset - 8}: so the last tensor ends with the file`
  return { ...header, dataOffset, message }
}

/**
 * `"name": {...}` without an object in it, as every tensor of a header is. Names and fields of sane length. No name begins behind a
 * backslash: so each look ends where the next one begins, however many quotes there are.
 */
const ENTRY = /(?<!\\)"((?:[^"\\]|\\.){0,4096})"\s{0,64}:\s{0,64}(\{[^{}]{0,4096}\})/g

/** A text with more that look like entries and are none is no header of which a part was damaged. */
const MOST_UNREADABLE = 1000
/** Entries read at a time. */
const BATCH = 256

/**
 * The entries that can be read of a header of `length` bytes which is no JSON as a whole. Undefined where there are none, or too much that
 * only looks like one. Throws as the source does.
 */
export async function readableEntries(source: ByteSource, length: number): Promise<RecoveredHeader | undefined> {
  if (length > Math.min(LONGEST, source.size - 8)) return undefined
  const text = new TextDecoder().decode(await readBytes(source, 8, length))
  const parsed = (found: readonly Found[]) => {
    const json = found.map(({ name, fields }) => `"${name}":${fields}`).join()
    return quietly(() => parseSafetensorsHeader(new TextEncoder().encode(`{${json}}`), source.name, new Report()))
  }
  const entries: HeaderEntry[] = []
  let metadata: Record<string, string> = Object.create(null)
  let unreadable = 0
  for (const some of inBatches(text)) {
    const all = parsed(some)
    // Of the metadata among them there is no entry: then they are read one by one as well.
    if (all?.entries.length === some.length) {
      for (const entry of all.entries) entries.push(entry)
      continue
    }
    for (const one of some) {
      const header = parsed([one])
      const [entry] = header?.entries ?? []
      if (entry) entries.push(entry)
      else if (header && one.name === '__metadata__') metadata = header.metadata
      else if (++unreadable > MOST_UNREADABLE) return undefined
    }
  }
  if (entries.length === 0) return undefined
  const message = `The header of ${source.name} is damaged: ${entries.length} of its entries can be read, others may be lost`
  return { entries, metadata, dataOffset: 8 + length, message }
}

/** What looks like an entry. */
interface Found {
  readonly name: string
  readonly fields: string
}

/** Most entries are sound, and to make one ready for the parser costs more than to parse it. */
function* inBatches(text: string): Generator<Found[]> {
  let some: Found[] = []
  for (const [, name = '', fields = ''] of text.matchAll(ENTRY)) {
    some.push({ name, fields })
    if (some.length < BATCH) continue
    yield some
    some = []
  }
  yield some
}

/** The bytes from byte 8 on up to the closing brace of the object that begins there; undefined where none does or it never ends. */
async function wholeJson(source: ByteSource): Promise<Uint8Array | undefined> {
  for (let window = FIRST_WINDOW; ; window *= 8) {
    const length = Math.min(window, LONGEST, source.size - 8)
    if (length <= 0) return undefined
    const bytes = await readBytes(source, 8, length)
    if (bytes[0] !== 0x7b) return undefined
    const end = endOfObject(bytes)
    if (end !== undefined) return bytes.subarray(0, end)
    if (length < window) return undefined
  }
}

/** Offset behind the brace that closes the one at 0, braces in texts not counted; undefined where the bytes end before. */
function endOfObject(bytes: Uint8Array): number | undefined {
  let depth = 0
  let inText = false
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]
    if (inText) {
      if (byte === 0x5c) i++
      else if (byte === 0x22) inText = false
    } else if (byte === 0x22) inText = true
    else if (byte === 0x7b) depth++
    else if (byte === 0x7d && --depth === 0) return i + 1
  }
  return undefined
}

function quietly(parse: () => SafetensorsHeader): SafetensorsHeader | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}
