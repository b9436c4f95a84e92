import { type ByteSource, readBytes } from '../bytes/source'
import { type GgmlType, ggmlType } from '../decode/ggml/types'
import { oddName } from '../decode/odd-name'
import type { Plain } from '../decode/plain'
import { quote, Report } from '../decode/report'
import { AssayError } from '../errors'
import type { Finding } from '../finding'
import { Cursor } from './cursor'

export interface GgufTensor {
  readonly name: string
  /** As torch has it: the file lists the dimensions in the other order, the contiguous one first. */
  readonly shape: readonly number[]
  /** Undefined for a number that no known version of the format gives a type. */
  readonly type: GgmlType | undefined
  readonly typeId: number
  /** Byte offset of the values in the file. */
  readonly begin: number
  /** Bytes of the values; may reach beyond a truncated file. Undefined when the type is not known. */
  readonly byteLength: number | undefined
}

export interface GgufFile {
  readonly version: number
  readonly littleEndian: boolean
  /** Keys in file order. Of long arrays only what they are: `32000 strings`. Without a prototype. */
  readonly metadata: { readonly [key: string]: Plain }
  /** In file order. Without those whose place or shape makes no sense: they are findings. */
  readonly tensors: readonly GgufTensor[]
  readonly findings: readonly Finding[]
}

export const GGUF_MAGIC: readonly number[] = [0x47, 0x47, 0x55, 0x46]

/** Dimensions of a tensor (ggml.h, GGML_MAX_DIMS). */
const MOST_DIMENSIONS = 4
/** Longer texts are cut, longer names refused: chat templates have some 10 kB, names at most 64 bytes. */
const LONGEST_TEXT = 1 << 16
const LONGEST_NAME = 1 << 16
/** Longer arrays are counted, not kept. */
const LONGEST_ARRAY = 64
/** Arrays in arrays. The format allows them; nobody writes them. */
const DEEPEST = 4

/** Value types: bytes of the fixed ones, and what several are called. */
const VALUES: readonly { readonly bytes: number; readonly plural: string }[] = [
  { bytes: 1, plural: 'unsigned 8-bit integers' },
  { bytes: 1, plural: '8-bit integers' },
  { bytes: 2, plural: 'unsigned 16-bit integers' },
  { bytes: 2, plural: '16-bit integers' },
  { bytes: 4, plural: 'unsigned 32-bit integers' },
  { bytes: 4, plural: '32-bit integers' },
  { bytes: 4, plural: '32-bit floats' },
  { bytes: 1, plural: 'booleans' },
  { bytes: 0, plural: 'strings' },
  { bytes: 0, plural: 'arrays' },
  { bytes: 8, plural: 'unsigned 64-bit integers' },
  { bytes: 8, plural: '64-bit integers' },
  { bytes: 8, plural: '64-bit floats' },
]
const STRING = 8
const ARRAY = 9

/**
 * Reads the header of a GGUF file: metadata and where each tensor lies, nothing of the values (ggml docs/gguf.md, checked
 * with gguf-py 0.19). Versions 2 and 3 in both byte orders, version 1 with its 32-bit counts. Throws AssayError
 * `file/truncated` when the header is cut and `file/bad-header` when it makes no sense.
 */
export async function readGguf(source: ByteSource): Promise<GgufFile> {
  const { name } = source
  const start = new DataView((await readBytes(source, 0, 8)).buffer)
  // The magic is the same in both byte orders; a version beyond 65535 is a small one in the other.
  const littleEndian = start.getUint32(4, true) <= 0xffff
  const version = start.getUint32(4, littleEndian)
  if (version < 1 || version > 3) {
    throw new AssayError('file/bad-header', `${name} is GGUF of version ${version}; versions 1 to 3 are known`, {
      file: name,
      offset: 4,
    })
  }
  const reader = new Reader(source, new Cursor(source, 8, littleEndian), version)
  const tensorCount = await reader.count(reader.shortest * 2 + 8, 'tensors')
  const pairCount = await reader.count(reader.shortest + 5, 'metadata entries')
  const metadata = await reader.metadata(pairCount)
  const infos: Info[] = []
  for (let i = 0; i < tensorCount; i++) infos.push(await reader.info())

  const told = metadata['general.alignment']
  const alignment = typeof told === 'number' && Number.isInteger(told) && told > 0 ? told : 32
  const dataOffset = Math.ceil(reader.offset / alignment) * alignment
  const report = new Report()
  const tensors = placed(infos, source, dataOffset, alignment, report)
  return { version, littleEndian, metadata, tensors, findings: report.findings(name) }
}

interface Info {
  readonly name: string
  readonly shape: readonly number[]
  readonly typeId: number
  /** Relative to the beginning of the values. */
  readonly offset: number
}

class Reader {
  constructor(
    private readonly source: ByteSource,
    private readonly cursor: Cursor,
    private readonly version: number,
  ) {}

  get offset(): number {
    return this.cursor.offset
  }

  /** Bytes of a string without characters. */
  get shortest(): number {
    return this.version === 1 ? 4 : 8
  }

  async count(each: number, what: string): Promise<number> {
    return this.cursor.checked(await this.length(), each, what)
  }

  async metadata(count: number): Promise<{ [key: string]: Plain }> {
    const metadata: { [key: string]: Plain } = Object.create(null)
    for (let i = 0; i < count; i++) {
      const key = await this.name()
      metadata[key] = await this.value(await this.cursor.u32(), 0)
    }
    return metadata
  }

  async info(): Promise<Info> {
    const name = await this.name()
    const dimensions = await this.cursor.u32()
    if (dimensions > MOST_DIMENSIONS) {
      this.fail(`${quote(name)} claims ${dimensions} dimensions; ggml has at most ${MOST_DIMENSIONS}`)
    }
    const shape: number[] = []
    for (let d = 0; d < dimensions; d++) shape.unshift(Number(await this.length()))
    const typeId = await this.cursor.u32()
    return { name, shape, typeId, offset: Number(await this.cursor.u64()) }
  }

  private async value(type: number, depth: number): Promise<Plain> {
    const { cursor } = this
    switch (type) {
      case 0:
        return cursor.u8()
      case 1:
        return cursor.i8()
      case 2:
        return cursor.u16()
      case 3:
        return cursor.i16()
      case 4:
        return cursor.u32()
      case 5:
        return cursor.i32()
      case 6:
        return cursor.f32()
      case 7:
        return (await cursor.u8()) !== 0
      case STRING:
        return this.text()
      case ARRAY:
        return this.array(depth + 1)
      case 10:
        return plainInteger(await cursor.u64())
      case 11:
        return plainInteger(await cursor.i64())
      case 12:
        return cursor.f64()
      default:
        return this.fail(`${type} is no type of a metadata value`)
    }
  }

  private async array(depth: number): Promise<Plain> {
    if (depth > DEEPEST) this.fail(`more than ${DEEPEST} arrays lie one in another`)
    const type = await this.cursor.u32()
    const kind = VALUES[type]
    if (!kind) return this.fail(`${type} is no type of a metadata value`)
    const count = await this.count(kind.bytes || this.shortest, kind.plural)
    const kept: Plain[] = []
    for (let i = 0; i < count; i++) {
      if (count <= LONGEST_ARRAY || type === ARRAY) {
        const value = await this.value(type, depth)
        if (count <= LONGEST_ARRAY) kept.push(value)
      } else if (type === STRING) {
        this.cursor.skip(await this.count(1, 'bytes of text'))
      } else {
        this.cursor.skip(count * kind.bytes)
        break
      }
    }
    return count <= LONGEST_ARRAY ? kept : `${count} ${kind.plural}`
  }

  private async text(): Promise<string> {
    const length = await this.count(1, 'bytes of text')
    const kept = Math.min(length, LONGEST_TEXT)
    const text = new TextDecoder().decode(await this.cursor.bytes(kept))
    this.cursor.skip(length - kept)
    return kept < length ? `${text}...` : text
  }

  private async name(): Promise<string> {
    const length = await this.count(1, 'bytes of a name')
    if (length > LONGEST_NAME) this.fail(`a name of ${length} bytes is longer than any`)
    return new TextDecoder().decode(await this.cursor.bytes(length))
  }

  private async length(): Promise<number | bigint> {
    return this.version === 1 ? this.cursor.u32() : this.cursor.u64()
  }

  private fail(message: string): never {
    const { name } = this.source
    throw new AssayError('file/bad-header', `${name}: ${message}`, { file: name, offset: this.offset })
  }
}

function plainInteger(value: bigint): Plain {
  return Number.isSafeInteger(Number(value)) ? Number(value) : value
}

/** The tensors with their place in the file. What is wrong with one is reported; those that lie nowhere are left out. */
function placed(
  infos: readonly Info[],
  { name: file, size }: ByteSource,
  dataOffset: number,
  alignment: number,
  report: Report,
): GgufTensor[] {
  const names = new Set<string>()
  const tensors: GgufTensor[] = []
  for (const { name, shape, typeId, offset } of infos) {
    const odd = oddName(name)
    if (odd) report.add('odd', 'file/odd-name', name, `The name ${quote(name)} ${odd}`)
    if (names.has(name)) {
      report.add('twice', 'file/bad-header', name, `${quote(name)} is named twice; its second place is ignored`)
      continue
    }
    names.add(name)
    const type = ggmlType(typeId)
    const rows = shape.at(-1) ?? 1
    const count = shape.reduce((product, extent) => product * extent, 1)
    const begin = dataOffset + offset
    const byteLength = type && (count / type.block) * type.bytes
    const possible = [...shape, count, begin].every(Number.isSafeInteger)
    if (!possible || (type && rows % type.block !== 0)) {
      const message = `${quote(name)} claims the shape [${shape.join(', ')}] at byte ${offset}, which ${type?.name ?? 'nothing'} cannot fill`
      report.add('place', 'file/bad-header', name, message, { file, offset })
      continue
    }
    if (offset % alignment !== 0) {
      const message = `${quote(name)} begins at byte ${offset} of the values, which is no multiple of ${alignment}`
      report.add('alignment', 'file/bad-header', name, message, { file, offset, alignment })
    }
    tensors.push({ name, shape, type, typeId, begin, byteLength })
  }
  reportOverlaps(tensors, file, report)
  reportCut(tensors, file, size, report)
  return tensors
}

function reportOverlaps(tensors: readonly GgufTensor[], file: string, report: Report): void {
  const sorted = [...tensors].sort((a, b) => a.begin - b.begin)
  sorted.forEach((tensor, i) => {
    const next = sorted[i + 1]
    if (next === undefined || tensor.begin + (tensor.byteLength ?? 0) <= next.begin) return
    const message = `${quote(tensor.name)} and ${quote(next.name)} claim the same bytes`
    report.add('overlap', 'file/overlap', next.name, message, { file, begin: next.begin, other: tensor.name })
  })
}

function reportCut(tensors: readonly GgufTensor[], file: string, size: number, report: Report): void {
  const cut = tensors.filter(({ begin, byteLength }) => begin + (byteLength ?? 0) > size)
  const [first] = cut
  if (first === undefined) return
  const end = cut.reduce((end, { begin, byteLength }) => Math.max(end, begin + (byteLength ?? 0)), 0)
  const message = `${file} ends before its values do: it has ${size} of at least ${end} bytes; ${tensors.length - cut.length} of ${tensors.length} tensors are whole`
  const lost = cut.slice(0, 50).map(({ name }) => name)
  report.add('cut', 'file/truncated', file, message, {
    size,
    expected: end,
    intact: tensors.length - cut.length,
    lost: cut.length,
    tensors: lost,
  })
}
