import { type ByteSource, readBytes } from '../bytes/source'
import { AssayError } from '../errors'
import {
  CENTRAL_HEADER,
  CENTRAL_HEADER_BYTES,
  DEFLATED,
  DESCRIPTOR,
  decodeName,
  getUint64,
  LOCAL_HEADER,
  LOCAL_HEADER_BYTES,
  METHODS,
  MOST_ENTRIES,
  readSizes,
  SIZES_FOLLOW,
  STORED,
  viewOf,
  type ZipEntry,
} from './zip-format'

const BLOCK_BYTES = 2 ** 20
/** What must lie behind a signature in the block to judge it. */
const LOOK_AHEAD = LOCAL_HEADER_BYTES
const LONGEST_NAME = 4096
/** Bits of the general flags that no writer sets. */
const RESERVED_FLAGS = 0xd000

export interface Salvage {
  readonly entries: ZipEntry[]
  /** Byte offset up to which the archive is whole. */
  readonly offset: number
  readonly reason: string
}

interface LocalHeader extends ZipEntry {
  /** Byte offset of the data in the source. */
  readonly payload: number
}

/**
 * Lists the entries of an archive without directory by its local headers. torch leaves the sizes in them 0 and writes a
 * descriptor behind the data (caffe2/serialize/inline_container.cc): a payload ends at the descriptor that states the very
 * length gone through, else at the next header, else at the end of the file. Reads the file once, in blocks.
 * Throws AssayError `file/resource-bomb` beyond a million entries, and as the source does.
 */
export async function salvageZip(source: ByteSource): Promise<Salvage> {
  const entries: ZipEntry[] = []
  const keep = ({ payload, ...entry }: LocalHeader, length: number, sizes?: { crc32: number; size: number }): void => {
    if (entries.length === MOST_ENTRIES) {
      throw new AssayError('file/resource-bomb', `${source.name} holds more than ${MOST_ENTRIES} records`, {
        file: source.name,
        offset: payload,
      })
    }
    const { crc32, size } = sizes ?? { crc32: 0, size: length }
    const cut = !sizes && (entry.method === DEFLATED || payload + length === source.size)
    entries.push({ ...entry, crc32, compressedSize: length, size, ...(cut && { cut }) })
  }
  const search = new Search(source)
  /** An entry whose end has not been met yet. */
  let open: LocalHeader | undefined
  let at = 0
  let whole = 0
  for (;;) {
    const mark = await search.next(at, open?.payload)
    if (!mark) break
    at = mark.at + 4
    if (mark.kind === DESCRIPTOR) {
      if (!open) continue
      const descriptor = await readDescriptor(source, mark.at, mark.at - open.payload)
      if (!descriptor) continue
      keep(open, mark.at - open.payload, descriptor)
      open = undefined
      whole = at = mark.at + descriptor.bytes
    } else if (mark.kind === CENTRAL_HEADER) {
      if (!(await isDirectory(source, mark.at, entries[0] ?? open))) continue
      if (open) keep(open, mark.at - open.payload)
      return { entries, offset: mark.at, reason: 'its directory is cut or damaged' }
    } else {
      const header = await readLocalHeader(source, mark.at)
      if (!header) continue
      if (open) keep(open, mark.at - open.payload)
      open = undefined
      if (header.flags & SIZES_FOLLOW && header.compressedSize === 0) {
        open = header
        at = header.payload
        whole = mark.at
      } else if (header.payload + header.compressedSize <= source.size) {
        keep(header, header.compressedSize, header)
        whole = at = header.payload + header.compressedSize
      } else {
        open = header
        whole = mark.at
        break
      }
    }
  }
  if (!open) return { entries, offset: whole, reason: 'the file ends before its directory' }
  keep(open, source.size - open.payload)
  return { entries, offset: whole, reason: `the file ends inside ${open.name}` }
}

async function readLocalHeader(source: ByteSource, at: number): Promise<LocalHeader | undefined> {
  if (at + LOCAL_HEADER_BYTES > source.size) return undefined
  const fixed = viewOf(await readBytes(source, at, LOCAL_HEADER_BYTES))
  const nameLength = fixed.getUint16(26, true)
  const extraLength = fixed.getUint16(28, true)
  const payload = at + LOCAL_HEADER_BYTES + nameLength + extraLength
  if (payload > source.size) return undefined
  const bytes = await readBytes(source, at, payload - at)
  const name = decodeName(bytes.subarray(LOCAL_HEADER_BYTES, LOCAL_HEADER_BYTES + nameLength))
  const view = viewOf(bytes)
  const sizes = readSizes(view, { compressedSize: 18, size: 22 }, LOCAL_HEADER_BYTES + nameLength, bytes.byteLength)
  return {
    name,
    flags: view.getUint16(6, true),
    method: view.getUint16(8, true),
    crc32: view.getUint32(14, true),
    compressedSize: sizes.compressedSize,
    size: sizes.size,
    headerOffset: at,
    payload,
  }
}

/** The descriptor at `at` if it states `length`, with sizes of 64 bits (24 bytes) or 32 bits (16 bytes). */
async function readDescriptor(
  source: ByteSource,
  at: number,
  length: number,
): Promise<{ crc32: number; size: number; bytes: number } | undefined> {
  const view = viewOf(await readBytes(source, at, Math.min(24, source.size - at)))
  if (view.byteLength === 24 && getUint64(view, 8) === length) {
    return { crc32: view.getUint32(4, true), size: getUint64(view, 16), bytes: 24 }
  }
  if (view.byteLength >= 16 && view.getUint32(8, true) === length) {
    return { crc32: view.getUint32(4, true), size: view.getUint32(12, true), bytes: 16 }
  }
  return undefined
}

/** Whether the record at `at` begins the directory, which names the first entry first. */
async function isDirectory(source: ByteSource, at: number, first: ZipEntry | undefined): Promise<boolean> {
  if (!first) return true
  const fixed = viewOf(await readBytes(source, at, Math.min(CENTRAL_HEADER_BYTES, source.size - at)))
  if (fixed.byteLength < CENTRAL_HEADER_BYTES) return true
  const named = fixed.getUint16(28, true)
  if (named === 0) return first.name === ''
  const nameLength = Math.min(named, source.size - at - CENTRAL_HEADER_BYTES)
  return first.name.startsWith(decodeName(await readBytes(source, at + CENTRAL_HEADER_BYTES, nameLength)))
}

interface Mark {
  readonly at: number
  readonly kind: number
}

/** Finds the signatures of a zip in a source, block by block, passing over those that the bytes behind them belie. */
class Search {
  readonly #block: Uint8Array
  readonly #view: DataView
  #start = 0
  #length = 0

  constructor(private readonly source: ByteSource) {
    this.#block = new Uint8Array(Math.min(BLOCK_BYTES, source.size) + LOOK_AHEAD)
    this.#view = viewOf(this.#block)
  }

  /** The next signature at or after `from`; `payload` is where the data began whose descriptor is looked for. */
  async next(from: number, payload: number | undefined): Promise<Mark | undefined> {
    let at = from
    while (at + 16 <= this.source.size) {
      await this.#load(at)
      const last = this.#start + this.#length === this.source.size
      const end = last ? this.#length - 16 : this.#length - LOOK_AHEAD
      let i = at - this.#start
      for (; i <= end; i++) {
        i = this.#block.indexOf(0x50, i)
        if (i < 0 || i > end) break
        const kind = this.#kindAt(i, payload)
        if (kind) return { at: this.#start + i, kind }
      }
      if (last) return undefined
      at = this.#start + end + 1
    }
    return undefined
  }

  async #load(at: number): Promise<void> {
    if (at >= this.#start && at + LOOK_AHEAD < this.#start + this.#length) return
    this.#start = at
    this.#length = Math.min(this.#block.byteLength - LOOK_AHEAD, this.source.size - at)
    await this.source.read(at, this.#block.subarray(0, this.#length))
    this.#block.fill(0, this.#length)
  }

  #kindAt(i: number, payload: number | undefined): number | undefined {
    const view = this.#view
    switch (view.getUint32(i, true)) {
      case LOCAL_HEADER: {
        const method = view.getUint16(i + 8, true)
        const nameLength = view.getUint16(i + 26, true)
        const known = method === STORED || method === DEFLATED || METHODS.has(method)
        const plausible = known && nameLength > 0 && nameLength <= LONGEST_NAME
        return plausible && (view.getUint16(i + 6, true) & RESERVED_FLAGS) === 0 ? LOCAL_HEADER : undefined
      }
      case DESCRIPTOR: {
        if (payload === undefined) return undefined
        return view.getUint32(i + 8, true) === (this.#start + i - payload) % 2 ** 32 ? DESCRIPTOR : undefined
      }
      case CENTRAL_HEADER:
        return (view.getUint16(i + 8, true) & RESERVED_FLAGS) === 0 ? CENTRAL_HEADER : undefined
    }
    return undefined
  }
}
