import { type ByteSource, readBytes } from '../bytes/source'
import { quote, type Report } from '../decode/report'
import { AssayError } from '../errors'
import {
  CENTRAL_HEADER,
  CENTRAL_HEADER_BYTES,
  decodeName,
  END,
  END_BYTES,
  END64,
  END64_BYTES,
  END64_LOCATOR,
  END64_LOCATOR_BYTES,
  getUint64,
  LOCAL_HEADER,
  LOCAL_HEADER_BYTES,
  MOST_ENTRIES,
  readSizes,
  SATURATED16,
  viewOf,
  type ZipEntry,
} from './zip-format'

/** A comment is at most this long, so the end record begins this far from the end at most. */
const LONGEST_COMMENT = 0xffff
/** A million entries with names of ordinary length. */
const LONGEST_DIRECTORY = 2 ** 27
/** Places that look like an end record (they may stand in a comment) tried before giving up. */
const MOST_CANDIDATES = 16

/** What the end records say, verified against the file. */
interface Place {
  /** Byte offset of the directory in the source. */
  readonly start: number
  readonly length: number
  readonly count: number
  /** Bytes in front of the archive: what must be added to every offset in it. */
  readonly prefix: number
  /** Bytes between the directory and its end records that belong to neither. */
  readonly gap: number
  /** Whether a second directory fits the same end records: readers that count from the end take that one. */
  readonly second: boolean
}

export interface Directory {
  readonly entries: ZipEntry[]
  /** How many entries the end record counts, where the directory lists another number. */
  readonly counted?: number
  /** Where bytes begin that stand between the directory and its end records, in which another archive may lie. */
  readonly gapAt?: number
}

/**
 * Reads the central directory of a zip: the end of the file, then the directory, whatever the number of entries. Throws AssayError
 * `file/truncated` when there is no end record, `file/bad-header` when the records do not fit the file, `file/resource-bomb` when
 * the directory is larger than any real one, `file/unknown-format` for an archive split over several files.
 */
export async function readDirectory(source: ByteSource, report: Report): Promise<Directory> {
  const place = await findDirectory(source)
  if (place.length > LONGEST_DIRECTORY || place.count > MOST_ENTRIES) {
    const claim = `${place.count} entries in ${place.length} bytes`
    throw new AssayError('file/resource-bomb', `${source.name} claims a directory of ${claim}`, {
      file: source.name,
      offset: place.start,
    })
  }
  if (place.prefix > 0) {
    const isArchive = viewOf(await readBytes(source, 0, 4)).getUint32(0, true) === LOCAL_HEADER
    const message = isArchive
      ? `${place.prefix} bytes stand in front of the archive, another archive by their beginning: only the last is listed; torch refuses such a file`
      : `${place.prefix} bytes stand in front of the archive; torch refuses such a file`
    report.add('prefix', 'file/bad-header', source.name, message, { bytes: place.prefix })
  }
  if (place.gap > 0) {
    const what = place.second
      ? 'another archive by its directory: torch lists the first and Python the second'
      : 'which belong to neither'
    const message = `${place.gap} bytes stand between the directory of the archive and its end record, ${what}`
    report.add('gap', 'file/bad-header', source.name, message, { bytes: place.gap, offset: place.start + place.length })
  }
  const entries = parseDirectory(await readBytes(source, place.start, place.length), place, source, report)
  // Without zip64 the count has 16 bits, and writers let it run over.
  const isCounted = (entries.length - place.count) % 0x10000 === 0
  return {
    entries,
    ...(!isCounted && { counted: place.count }),
    ...(place.gap > 0 && { gapAt: place.start + place.length }),
  }
}

async function findDirectory(source: ByteSource): Promise<Place> {
  const { name, size } = source
  const tailLength = Math.min(size, LONGEST_COMMENT + END_BYTES + END64_LOCATOR_BYTES)
  const tailStart = size - tailLength
  const tail = await readBytes(source, tailStart, tailLength)
  const view = viewOf(tail)
  let trouble: AssayError | undefined
  let candidates = 0
  for (let at = tailLength - END_BYTES; at >= 0 && candidates < MOST_CANDIDATES; at--) {
    if (view.getUint32(at, true) !== END) continue
    if (at + END_BYTES + view.getUint16(at + 20, true) > tailLength) continue
    candidates++
    try {
      return await placeOf(source, view, at, tailStart)
    } catch (error) {
      if (!(error instanceof AssayError)) throw error
      trouble ??= error
    }
  }
  throw (
    trouble ??
    new AssayError('file/truncated', `${name} ends before the directory of the archive`, {
      file: name,
      offset: size,
      hint: 'Download or copy the file again, or repair it: the records before the end can still be read.',
    })
  )
}

/** Follows the end record at `at` of the tail (and the zip64 records before it) to a directory that is really there. */
async function placeOf(source: ByteSource, tail: DataView, at: number, tailStart: number): Promise<Place> {
  let end = tailStart + at
  let count = tail.getUint16(at + 10, true)
  let length = tail.getUint32(at + 12, true)
  let offset = tail.getUint32(at + 16, true)
  const disk = tail.getUint16(at + 4, true)
  const end64 = await readEnd64(source, tail, at, tailStart)
  if (end64) {
    end = end64.at
    count = end64.count
    length = end64.length
    offset = end64.offset
  } else if (disk !== 0 && disk !== SATURATED16) {
    throw new AssayError('file/unknown-format', `${source.name} is one part of an archive split over several files`, {
      file: source.name,
      hint: 'Join the parts first.',
    })
  }
  // Where the offset says, or right before the end records if something was put in front of the archive.
  for (const start of [offset, end - length]) {
    if (start < offset || start + length > end || count * CENTRAL_HEADER_BYTES > length) continue
    if (!(await hasDirectory(source, start, length))) continue
    const records = tailStart + at - (end64?.bytes ?? 0)
    const last = records - length
    const second = length > 0 && last > start && (await hasDirectory(source, last, length))
    return { start, length, count, prefix: start - offset, gap: Math.max(records - start - length, 0), second }
  }
  throw new AssayError(
    'file/bad-header',
    `${source.name}: the end record places a directory of ${length} bytes and ${count} entries at ${offset}, where there is none`,
    { file: source.name, offset: end },
  )
}

async function hasDirectory(source: ByteSource, start: number, length: number): Promise<boolean> {
  if (length < CENTRAL_HEADER_BYTES) return length === 0
  return viewOf(await readBytes(source, start, 4)).getUint32(0, true) === CENTRAL_HEADER
}

/** The zip64 end record. torch writes one always, also in small files (caffe2/serialize/inline_container.cc, miniz). */
async function readEnd64(
  source: ByteSource,
  tail: DataView,
  at: number,
  tailStart: number,
): Promise<{ at: number; bytes: number; count: number; length: number; offset: number } | undefined> {
  const locator = at - END64_LOCATOR_BYTES
  if (locator < 0 || tail.getUint32(locator, true) !== END64_LOCATOR) return undefined
  for (const place of [getUint64(tail, locator + 8), tailStart + locator - END64_BYTES]) {
    if (place < 0 || place + END64_BYTES > tailStart + locator) continue
    const record = viewOf(await readBytes(source, place, END64_BYTES))
    if (record.getUint32(0, true) !== END64) continue
    return {
      at: place,
      // Its own length counts from behind that field (APPNOTE 4.3.14); the locator follows.
      bytes: 12 + getUint64(record, 4) + END64_LOCATOR_BYTES,
      count: getUint64(record, 32),
      length: getUint64(record, 40),
      offset: getUint64(record, 48),
    }
  }
  throw new AssayError('file/bad-header', `${source.name}: the zip64 end record is not where its locator says`, {
    file: source.name,
    offset: tailStart + locator,
  })
}

type Listed = ZipEntry & { end?: number }

function parseDirectory(bytes: Uint8Array, place: Place, source: ByteSource, report: Report): ZipEntry[] {
  const view = viewOf(bytes)
  const entries: Listed[] = []
  let at = 0
  while (at + CENTRAL_HEADER_BYTES <= bytes.byteLength && view.getUint32(at, true) === CENTRAL_HEADER) {
    if (entries.length === MOST_ENTRIES) break
    const nameEnd = at + CENTRAL_HEADER_BYTES + view.getUint16(at + 28, true)
    const extraEnd = nameEnd + view.getUint16(at + 30, true)
    const next = extraEnd + view.getUint16(at + 32, true)
    if (next > bytes.byteLength) {
      throw new AssayError('file/bad-header', `${source.name}: an entry of the directory runs over its end`, {
        file: source.name,
        offset: place.start + at,
      })
    }
    const fields = { compressedSize: at + 20, size: at + 24, offset: at + 42 }
    const { size, compressedSize, offset } = readSizes(view, fields, nameEnd, extraEnd)
    const entry: Listed = {
      name: decodeName(bytes.subarray(at + CENTRAL_HEADER_BYTES, nameEnd)),
      flags: view.getUint16(at + 8, true),
      method: view.getUint16(at + 10, true),
      crc32: view.getUint32(at + 16, true),
      compressedSize,
      size,
      headerOffset: place.prefix + offset,
    }
    if (entry.headerOffset + LOCAL_HEADER_BYTES + compressedSize > place.start) {
      const message = `The record ${quote(entry.name)} claims ${compressedSize} bytes at ${offset}, more than the file holds`
      report.add('beyond', 'file/truncated', source.name, message, {
        record: entry.name,
        offset,
        bytes: compressedSize,
      })
    }
    entries.push(entry)
    at = next
  }
  for (const [i, entry] of entries.entries()) entry.end = entries[i + 1]?.headerOffset ?? place.start
  return entries
}
