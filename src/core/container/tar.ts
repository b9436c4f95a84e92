import { type ByteSource, locateWithin, readBytes } from '../bytes/source'
import { AssayError } from '../errors'
import { decodeName } from './zip-format'

export interface TarEntry {
  /** Only a name: it is never used as a path on the disk. */
  readonly name: string
  /** Byte offset of its contents in the source. */
  readonly offset: number
  readonly size: number
}

export interface TarArchive {
  readonly source: ByteSource
  /** Regular files, in the order of the archive. */
  readonly entries: readonly TarEntry[]
  /** The archive ends, or makes no sense, here. Entries before it are whole. */
  readonly torn?: { readonly offset: number; readonly reason: string }
}

/** `ustar`, at byte 257 of the first header. */
export const TAR_MAGIC: readonly number[] = [0x75, 0x73, 0x74, 0x61, 0x72]

const BLOCK = 512
const MOST_ENTRIES = 100_000
/** A long name, or the attributes of one file. */
const LARGEST_EXTENSION = 1 << 20

/**
 * Reads the headers of a tar archive, ustar with the extensions of GNU (long names, sizes in base 256) and POSIX (pax):
 * 512 bytes before each file, name at 0 (100 bytes), size in octal at 124 (12), checksum at 148 (8), type at 156, prefix of
 * the name at 345 (155) (POSIX.1-2001, pax interchange format). Never throws for bad content; throws as `ByteSource.read`.
 */
export async function readTar(source: ByteSource): Promise<TarArchive> {
  const entries: TarEntry[] = []
  let at = 0
  let longName: string | undefined
  let longSize: number | undefined
  const torn = (reason: string) => ({ source, entries, torn: { offset: at, reason } })
  while (at + BLOCK <= source.size) {
    const header = await readBytes(source, at, BLOCK)
    if (header.every((byte) => byte === 0)) return { source, entries }
    if (!hasChecksum(header)) return torn('a header has another checksum than its bytes')
    const declared = sizeIn(header)
    const size = longSize ?? declared
    if (size === undefined) return torn('a header gives no size')
    const offset = at + BLOCK
    if (offset + size > source.size) return torn('the last file in it is cut')
    const type = String.fromCharCode(header[156] as number)
    if (type === 'L' || type === 'x') {
      if (size > LARGEST_EXTENSION) return torn('a header claims a name beyond all measure')
      const content = await readBytes(source, offset, size)
      if (type === 'L') longName = decodeName(untilZero(content))
      else {
        const { path, size: larger } = attributesIn(content)
        longName = path ?? longName
        longSize = larger ?? longSize
      }
    } else {
      if (type === '0' || type === '\0' || type === '7')
        entries.push({ name: longName ?? nameIn(header), offset, size })
      longName = undefined
      longSize = undefined
    }
    if (entries.length > MOST_ENTRIES) {
      const message = `${source.name} holds more than ${MOST_ENTRIES} files`
      throw new AssayError('file/resource-bomb', message, { file: source.name, offset: at })
    }
    at = offset + Math.ceil(size / BLOCK) * BLOCK
  }
  return entries.length > 0 && at === source.size ? { source, entries } : torn('there is no end mark')
}

/** The contents of a file in the archive. Closing it leaves the archive open. */
export function tarEntrySource({ source }: TarArchive, { name, offset, size }: TarEntry): ByteSource {
  return {
    name: `${source.name}:${name}`,
    size,
    async read(from, target) {
      if (from < 0 || from + target.byteLength > size) {
        const message = `${source.name}:${name} needs ${target.byteLength} bytes at offset ${from}, but has only ${size}`
        throw new AssayError('file/truncated', message, { file: source.name, offset: offset + from })
      }
      return source.read(offset + from, target)
    },
    locate: () => locateWithin(source, offset),
    close() {},
  }
}

/** The sum of all bytes with the checksum itself taken as spaces. */
function hasChecksum(header: Uint8Array): boolean {
  let sum = 0
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : (header[i] as number)
  return sum === octal(header.subarray(148, 156))
}

function sizeIn(header: Uint8Array): number | undefined {
  const field = header.subarray(124, 136)
  if (((field[0] as number) & 0x80) === 0) return octal(field)
  const size = field.subarray(1).reduce((value, byte) => value * 256 + byte, 0)
  return Number.isSafeInteger(size) ? size : undefined
}

function nameIn(header: Uint8Array): string {
  const name = decodeName(untilZero(header.subarray(0, 100)))
  const prefix = decodeName(untilZero(header.subarray(345, 500)))
  const posix = header[262] === 0
  return posix && prefix !== '' ? `${prefix}/${name}` : name
}

/** `<length> <key>=<value>\n`, again and again. */
function attributesIn(content: Uint8Array): { path?: string; size?: number } {
  const attributes: { path?: string; size?: number } = {}
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(32, at)
    const length = Number(decodeName(content.subarray(at, space)))
    if (space < 0 || !(length > 0)) return attributes
    const line = decodeName(content.subarray(space + 1, at + length - 1))
    const equals = line.indexOf('=')
    const value = line.slice(equals + 1)
    if (line.startsWith('path=')) attributes.path = value
    else if (line.startsWith('size=') && /^\d{1,15}$/.test(value)) attributes.size = Number(value)
    at += length
  }
  return attributes
}

function untilZero(bytes: Uint8Array): Uint8Array {
  const end = bytes.indexOf(0)
  return end < 0 ? bytes : bytes.subarray(0, end)
}

function octal(field: Uint8Array): number | undefined {
  const text = decodeName(untilZero(field)).trim()
  return /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : undefined
}
