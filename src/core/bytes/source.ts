import { AssayError } from '../errors'
import type { Mapping } from './mapping'

/**
 * Bytes that can be read by position: a mapped file, a positional file, a record of an archive, memory.
 * Asynchronous because a source may lie across a network; a local one resolves at once.
 */
export interface ByteSource {
  /** What to call it in a message: a path relative to the checkpoint, or `model.pt:archive/data/0` for a record. */
  readonly name: string
  /** Length in bytes when it was opened. */
  readonly size: number
  /**
   * Fills `target` with the bytes from `offset` on. Never short: throws AssayError `file/truncated` when the source ends
   * first, `file/changed` when the file is not what it was when it was opened, and `file/unreadable` when the system refuses.
   */
  read(offset: number, target: Uint8Array): Promise<void>
  /** Where the bytes lie as they are in one file on disk, if they do: for those who read at once, or from another thread. */
  locate?(): FilePlace | Promise<FilePlace | undefined>
  close(): void
}

/** A source that is a file on disk. */
export interface FileSource extends ByteSource {
  locate(): FilePlace
}

/** What a file was when it was opened: enough to open the same one elsewhere, and to tell when it is not. */
export interface FileOnDisk {
  readonly path: string
  /** What messages call it. */
  readonly name: string
  readonly size: number
  readonly mtimeMs: number
  readonly ino: number
  readonly dev: number
}

/** The file that a source lies in, and the byte offset it begins at. */
export interface FilePlace {
  readonly file: FileOnDisk
  readonly offset: number
  /** Fills `target` from a byte offset of the file. Throws as `ByteSource.read`, `file/changed` within milliseconds. */
  readNow(offset: number, target: Uint8Array): void
  /** A descriptor of the file, for bytes up to `end` of it, that the caller must close. Throws as `ByteSource.read`. */
  descriptor(end: number): number
  /** The mapped file, for bytes up to `end`; undefined where it is none. Throws as `ByteSource.read`. */
  mapping(end: number): Mapping | undefined
}

/** The place of a part of a source that begins `offset` bytes into it. */
export async function locateWithin(source: ByteSource, offset: number): Promise<FilePlace | undefined> {
  const place = await source.locate?.()
  return place && { ...place, offset: place.offset + offset }
}

/** Reads `length` bytes at `offset` into memory of its own. Throws as `ByteSource.read`; checks the size before it allocates. */
export async function readBytes(source: ByteSource, offset: number, length: number): Promise<Uint8Array> {
  checkRange(source, offset, length)
  const target = new Uint8Array(length)
  if (length > 0) await source.read(offset, target)
  return target
}

/** Throws `file/truncated` unless [offset, offset + length) lies inside the source. */
export function checkRange(source: Pick<ByteSource, 'name' | 'size'>, offset: number, length: number): void {
  if (offset >= 0 && length >= 0 && offset + length <= source.size) return
  throw new AssayError(
    'file/truncated',
    `${source.name}: needs ${length} bytes at offset ${offset}, but the file has only ${source.size}`,
    { file: source.name, offset },
  )
}

/** A source over bytes already in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    async read(offset, target) {
      checkRange(this, offset, target.byteLength)
      target.set(bytes.subarray(offset, offset + target.byteLength))
    },
    close() {},
  }
}

/** The `length` bytes from `offset` on as a source of their own, which leaves the other open. Throws `file/truncated` as `checkRange`. */
export function rangeOf(source: ByteSource, offset: number, length: number, name: string): ByteSource {
  checkRange(source, offset, length)
  return {
    name,
    size: length,
    async read(from, target) {
      checkRange(this, from, target.byteLength)
      return source.read(offset + from, target)
    },
    locate: () => locateWithin(source, offset),
    close() {},
  }
}
