import { inflateRaw, inflateStart } from '../bytes/inflate'
import { type ByteSource, checkRange, type FilePlace, locateWithin, readBytes } from '../bytes/source'
import { quote, Report } from '../decode/report'
import { AssayError, throwIfAborted } from '../errors'
import type { Finding } from '../finding'
import { crc32 } from './crc32'
import { readDirectory } from './zip-directory'
import { DEFLATED, LOCAL_HEADER, STORED, viewOf, type ZipEntry } from './zip-format'
import { findPayload, type Payload } from './zip-payload'
import { type Salvage, salvageZip } from './zip-salvage'

export type { ZipEntry } from './zip-format'

export interface Torn {
  /** Bytes up to which the archive is whole. */
  readonly offset: number
  readonly reason: string
  /** Nothing was cut off: the end record and all records are there, and the directory between them is damaged. */
  readonly isWhole?: true
}

export interface ZipArchive {
  readonly source: ByteSource
  /** In the order of the directory, or of the file where there is none. Names may repeat, and are no paths. */
  readonly entries: readonly ZipEntry[]
  /** There is no usable directory: the entries were found by their local headers, the archive is whole up to `offset`. */
  readonly torn?: Torn
  /** Where bytes begin that stand behind the directory and before its end record: another archive may lie in them. */
  readonly gapAt?: number
  /** What is wrong with single records. That the archive is torn is not among them. */
  readonly findings: readonly Finding[]
}

/** Inflated records are kept in memory; beyond this they are refused. */
const LARGEST_INFLATED = 2 ** 29
/** Beyond 64 MiB a record that grows more than a hundredfold is taken for a bomb: trained weights hardly shrink at all. */
const LARGEST_UNSUSPECTED = 2 ** 26
const HIGHEST_RATIO = 100

const BLOCK_BYTES = 2 ** 20

/**
 * Opens a zip archive by its central directory, reading no record. Where the directory is missing or damaged and the file begins
 * as a zip, the records are salvaged instead and `torn` says why. Throws AssayError: `file/truncated` or `file/bad-header` when
 * it is no zip at all, and as `readDirectory` and `salvageZip` do.
 */
export async function openZip(source: ByteSource): Promise<ZipArchive> {
  const report = new Report()
  let entries: readonly ZipEntry[]
  let torn: ZipArchive['torn']
  let gapAt: number | undefined
  try {
    const directory = await readDirectory(source, report)
    ;({ entries, gapAt } = directory)
    const { counted = entries.length } = directory
    // A length in an entry that is wrong hides those behind it.
    const salvage = entries.length < counted && (await startsAsZip(source)) ? await salvageZip(source) : undefined
    if (salvage && salvage.entries.length > entries.length) {
      entries = salvage.entries
      torn = tornAt(salvage, true)
    } else if (counted !== entries.length) {
      const message = `The directory lists ${entries.length} entries, and its end record says ${counted}`
      report.add('count', 'file/bad-header', source.name, message, { expected: counted, got: entries.length })
    }
  } catch (error) {
    const damaged = error instanceof AssayError && (error.code === 'file/truncated' || error.code === 'file/bad-header')
    if (!damaged || !(await startsAsZip(source))) throw error
    const salvage = await salvageZip(source)
    if (salvage.entries.length === 0) throw error
    entries = salvage.entries
    torn = tornAt(salvage, error.code === 'file/bad-header')
  }
  checkNames(entries, source.name, report)
  for (const entry of entries) {
    if (!isBomb(entry)) continue
    const message = `The record ${quote(entry.name)} would grow from ${entry.compressedSize} to ${entry.size} bytes`
    report.add('bomb', 'file/resource-bomb', source.name, message, { record: entry.name, bytes: entry.size })
  }
  return {
    source,
    entries,
    ...(torn && { torn }),
    ...(gapAt !== undefined && { gapAt }),
    findings: report.findings(source.name),
  }
}

/** `hasEnd`: the end record was found. */
function tornAt({ entries, offset, reason }: Salvage, hasEnd: boolean): Torn {
  const isWhole = hasEnd && !entries.some(({ cut }) => cut)
  return isWhole ? { offset, reason: 'its directory is damaged', isWhole } : { offset, reason }
}

async function startsAsZip(source: ByteSource): Promise<boolean> {
  return source.size >= 4 && viewOf(await readBytes(source, 0, 4)).getUint32(0, true) === LOCAL_HEADER
}

function checkNames(entries: readonly ZipEntry[], file: string, report: Report): void {
  const names = new Set<string>()
  for (const { name } of entries) {
    if (names.has(name)) {
      const message = `The record ${quote(name)} is stored twice; readers may take either`
      report.add('twice', 'file/bad-header', file, message, { record: name })
    }
    names.add(name)
    if (/^([\\/]|[a-z]:)|(^|[\\/])\.\.([\\/]|$)/i.test(name)) {
      const message = `The record ${quote(name)} would be unpacked outside the folder it belongs to`
      report.add('escape', 'file/path-escape', file, message, { record: name })
    }
  }
}

function isBomb({ method, size, compressedSize }: ZipEntry): boolean {
  if (method !== DEFLATED) return false
  return size > LARGEST_INFLATED || (size > LARGEST_UNSUSPECTED && size > HIGHEST_RATIO * compressedSize)
}

/**
 * The bytes of a record. A stored one is a window on the archive, a deflated one is inflated at the first read and kept until
 * `close`. Reads throw AssayError `file/unknown-format` for encrypted records and other methods, `file/bad-header` where the
 * local header or the sizes make no sense, `file/resource-bomb` for a record that grows beyond all measure, and as the archive's
 * source does. Closing it leaves the archive open.
 */
export function entrySource(archive: ZipArchive, entry: ZipEntry): ByteSource {
  return new EntrySource(archive.source, entry)
}

/** A class, and not closures: a model of many experts has a hundred thousand records. */
class EntrySource implements ByteSource {
  private inflated: Promise<Uint8Array> | undefined

  constructor(
    private readonly source: ByteSource,
    private readonly entry: ZipEntry,
    private payload?: Promise<Payload>,
  ) {}

  get name(): string {
    return `${this.source.name}:${this.entry.name}`
  }

  get size(): number {
    return this.entry.size
  }

  async read(offset: number, target: Uint8Array): Promise<void> {
    const { source, entry, name } = this
    checkRange(this, offset, target.byteLength)
    this.payload ??= findPayload(source, entry, name)
    if (entry.method === STORED) return source.read((await this.payload).offset + offset, target)
    this.inflated ??= inflate(source, (await this.payload).offset, entry, name)
    target.set((await this.inflated).subarray(offset, offset + target.byteLength))
  }

  async locate(): Promise<FilePlace | undefined> {
    const { source, entry, name } = this
    if (entry.method !== STORED) return undefined
    this.payload ??= findPayload(source, entry, name)
    return locateWithin(source, (await this.payload).offset)
  }

  close(): void {
    this.inflated = undefined
  }
}

/** Compressed bytes from which the first bytes of a record are inflated. */
const START_BYTES = 4096

/**
 * The first `length` bytes of a record, or as many as there are: of a deflated one, those that its first 4 KiB inflate to,
 * so that a header can be read without the rest. Throws as the reads of `entrySource` do.
 */
export async function entryStart(archive: ZipArchive, entry: ZipEntry, length: number): Promise<Uint8Array> {
  const { source } = archive
  const name = `${source.name}:${entry.name}`
  const { offset: payload } = await findPayload(source, entry, name)
  if (entry.method === STORED) return readBytes(source, payload, Math.min(length, entry.size))
  const start = await readBytes(source, payload, Math.min(START_BYTES, entry.compressedSize))
  return inflateStart(start, name).subarray(0, Math.min(length, entry.size))
}

async function inflate(source: ByteSource, payload: number, entry: ZipEntry, name: string): Promise<Uint8Array> {
  const refuse = (code: string, message: string): never => {
    throw new AssayError(code, `${name} ${message}`, { file: source.name, offset: entry.headerOffset })
  }
  if (isBomb(entry)) refuse('file/resource-bomb', `would grow from ${entry.compressedSize} to ${entry.size} bytes`)
  const bytes = inflateRaw(await readBytes(source, payload, entry.compressedSize), entry.size, name)
  if (bytes.byteLength !== entry.size) {
    refuse('file/bad-header', `should inflate to ${entry.size} bytes and gives ${bytes.byteLength}`)
  }
  return bytes
}

/** The local header, past which the descriptor behind the data tells where they are; the directory's checksum, where the descriptor has that of the data. */
export type Misstated = 'header' | 'checksum'

/** What a record's bytes come to beside what is stored of them. */
export interface RecordCheck {
  /** Whether they are those that were written, by either of the checksums that are stored. */
  readonly isSame: boolean
  /** What is stored of a record that is whole, and is not so. */
  readonly misstated?: Misstated
}

/**
 * Compares a record with the CRC-32 stored for it in the directory and with its data, reading it in blocks of 1 MiB; undefined where
 * none is stored (torch with `save.compute_crc32 = False` writes 0, a salvaged record without descriptor has lost it). `onBytes` is
 * told the length of each block. Throws as the reads of `entrySource` do.
 */
export async function checkCrc(
  archive: ZipArchive,
  entry: ZipEntry,
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<RecordCheck | undefined> {
  if (entry.cut) return undefined
  const payload = await findPayload(archive.source, entry, `${archive.source.name}:${entry.name}`)
  const whole: RecordCheck = { isSame: true, ...(payload.isHeaderDamaged && { misstated: 'header' }) }
  if (entry.crc32 === 0 && entry.size > 0) return payload.isHeaderDamaged && whole
  const source = new EntrySource(archive.source, entry, Promise.resolve(payload))
  const block = new Uint8Array(Math.min(BLOCK_BYTES, entry.size))
  let crc = 0
  for (let at = 0; at < entry.size; at += block.byteLength) {
    throwIfAborted(signal)
    const part = block.subarray(0, Math.min(block.byteLength, entry.size - at))
    await source.read(at, part)
    crc = crc32(part, crc)
    onBytes?.(part.byteLength)
  }
  if (crc === entry.crc32) return whole
  return crc === payload.crc32 ? { misstated: 'checksum', ...whole } : { isSame: false }
}

/** Whether `crc` is one of the CRC-32s stored for a record: that of the directory, or that beside the data. */
export async function isStoredCrc({ source }: ZipArchive, entry: ZipEntry, crc: number): Promise<boolean> {
  return crc === entry.crc32 || crc === (await findPayload(source, entry, entry.name)).crc32
}

/** Whether the local header of a record is damaged whose data can be read all the same. Throws as the reads of `entrySource` do. */
export async function headerDamage({ source }: ZipArchive, entry: ZipEntry): Promise<'header' | undefined> {
  const { isHeaderDamaged } = await findPayload(source, entry, `${source.name}:${entry.name}`)
  return isHeaderDamaged && 'header'
}
