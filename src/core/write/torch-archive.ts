import type { ByteSink } from '../bytes/sink'
import { crc32 } from '../container/crc32'
import { AssayError } from '../errors'

const MAX_U32 = 0xffffffff
const MAX_U16 = 0xffff
/** PyTorch 2.13's default `torch.serialization.config.save.storage_alignment`: payloads can be mapped as they lie. */
const ALIGNMENT = 64
const LOCAL_HEADER = 30
/** Bit 11: the name is UTF-8. Bit 3: CRC-32 and sizes follow the payload in a data descriptor. */
const UTF8 = 0x0800
const WITH_DESCRIPTOR = 0x0808

type Blocks = Iterable<Uint8Array> | AsyncIterable<Uint8Array>

/**
 * Writes a zip as `PyTorchStreamWriter` does (pytorch v2.13 `caffe2/serialize/inline_container.cc` over miniz): stored
 * records, payloads at multiples of 64 through an "FB" extra field, CRC-32 and sizes in data descriptors, and always a zip64
 * end record. Nothing need be known of a record's bytes but their number, so records stream through.
 */
export class TorchArchive {
  readonly #sink: ByteSink
  readonly #root: string
  readonly #central: Uint8Array[] = []
  readonly #records: { name: string; crc: number }[] = []

  /** `root` is the folder that every record lies in, such as `archive`. */
  constructor(sink: ByteSink, root: string) {
    this.#sink = sink
    this.#root = root
  }

  /**
   * Adds `<root>/<name>` with exactly `size` bytes from `blocks`, and returns their CRC-32. Throws `target/wrong-length`
   * when they are more or fewer, and what `blocks` throws.
   */
  add(name: string, size: number, blocks: Blocks): Promise<number> {
    return this.addPoured(name, size, async (onBlock) => {
      let got = 0
      for await (const block of blocks) {
        got += block.byteLength
        onBlock(block)
        if (got > size) break
        await this.#sink.write(block)
      }
    })
  }

  /** The same for what `pour` puts into the sink itself, every block of which it must show. */
  async addPoured(
    name: string,
    size: number,
    pour: (onBlock: (bytes: Uint8Array) => void) => Promise<void>,
  ): Promise<number> {
    const offset = this.#sink.position
    const path = new TextEncoder().encode(`${this.#root}/${name}`)
    const large = size >= MAX_U32
    const far = offset >= MAX_U32
    // The sizes in the local header's zip64 field: both are written although the compressed one is not known yet (0).
    const zip64 = zip64Extra(large ? [size, 0] : [], far ? [offset] : [])
    const flags = size === 0 ? UTF8 : WITH_DESCRIPTOR
    const pad = padding(offset + LOCAL_HEADER + path.byteLength + zip64.byteLength)
    await this.#sink.write(joined([localHeader(flags, path, zip64, pad), path, zip64, pad]))

    let crc = 0
    let got = 0
    await pour((block) => {
      got += block.byteLength
      crc = crc32(block, crc)
    })
    if (got !== size)
      throw new AssayError('target/wrong-length', `${name}: ${size} bytes were to be written, but ${got} came`)
    if (size > 0) await this.#sink.write(descriptor(crc, size, zip64.byteLength > 0))

    const centralExtra = zip64Extra(large ? [size, size] : [], far ? [offset] : [])
    this.#central.push(centralHeader(flags, crc, size, offset, path, centralExtra))
    this.#records.push({ name, crc })
    return crc
  }

  /** Adds `<root>/<name>` with the bytes, or the UTF-8 text, given. */
  async addBytes(name: string, content: Uint8Array | string): Promise<void> {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content
    await this.add(name, bytes.byteLength, [bytes])
  }

  /** Adds `.data/serialization_id` and writes the central directory. The caller commits the sink. */
  async finish(): Promise<void> {
    await this.addBytes('.data/serialization_id', serializationId(this.#records))
    const offset = this.#sink.position
    for (const header of this.#central) await this.#sink.write(header)
    const size = this.#sink.position - offset
    await this.#sink.write(endRecords(this.#central.length, size, offset))
  }
}

/**
 * 40 decimal digits that are equal for equal contents: 20 from the names, 20 from the CRCs. PyTorch only reads it back; its
 * own name hash depends on the C++ library, so the digits differ from those that torch would write.
 */
function serializationId(records: readonly { name: string; crc: number }[]): string {
  let names = 0n
  let checksums = 0n
  for (const { name, crc } of records) {
    names = mix(names, BigInt(crc32(new TextEncoder().encode(name))))
    checksums = mix(checksums, BigInt(crc))
  }
  return [names, checksums].map((half) => half.toString().padStart(20, '0')).join('')
}

function mix(seed: bigint, value: bigint): bigint {
  return BigInt.asUintN(64, seed ^ (value + 0x9e3779b9n + (seed << 6n) + (seed >> 2n)))
}

/** The "FB" extra field: 4 bytes of its own, then as many 'Z' as bring the payload to a multiple of `ALIGNMENT`. */
function padding(start: number): Uint8Array {
  const fill = (ALIGNMENT - ((start + 4) % ALIGNMENT)) % ALIGNMENT
  return bytesOf([u16(0x4246), u16(fill)], new Uint8Array(fill).fill(0x5a))
}

function zip64Extra(sizes: readonly number[], offsets: readonly number[]): Uint8Array {
  const values = [...sizes, ...offsets]
  return values.length === 0 ? new Uint8Array(0) : bytesOf([u16(1), u16(values.length * 8), ...values.map(u64)])
}

function localHeader(flags: number, path: Uint8Array, zip64: Uint8Array, pad: Uint8Array): Uint8Array {
  const zeros = [u16(0), u16(0), u16(0), u32(0), u32(0), u32(0)] // method, time, date, CRC-32, sizes
  const lengths = [u16(path.byteLength), u16(zip64.byteLength + pad.byteLength)]
  return bytesOf([u32(0x04034b50), u16(0), u16(flags), ...zeros, ...lengths])
}

function descriptor(crc: number, size: number, wide: boolean): Uint8Array {
  const field = wide ? u64 : u32
  return bytesOf([u32(0x08074b50), u32(crc), field(size), field(size)])
}

function centralHeader(
  flags: number,
  crc: number,
  size: number,
  offset: number,
  path: Uint8Array,
  extra: Uint8Array,
): Uint8Array {
  const shown = u32(Math.min(size, MAX_U32))
  return bytesOf(
    [
      ...[u32(0x02014b50), u16(0), u16(0), u16(flags), u16(0), u16(0), u16(0), u32(crc), shown, shown],
      ...[u16(path.byteLength), u16(extra.byteLength), u16(0), u16(0), u16(0), u32(0), u32(Math.min(offset, MAX_U32))],
    ],
    path,
    extra,
  )
}

/** Zip64 end record, its locator, and the classic end record, whose fields saturate. */
function endRecords(count: number, size: number, offset: number): Uint8Array {
  const versions = [u16(0x031e), u16(45)]
  return bytesOf([
    ...[u32(0x06064b50), u64(44), ...versions, u32(0), u32(0), u64(count), u64(count), u64(size), u64(offset)],
    ...[u32(0x07064b50), u32(0), u64(offset + size), u32(1)],
    ...[u32(0x06054b50), u16(0), u16(0), u16(Math.min(count, MAX_U16)), u16(Math.min(count, MAX_U16))],
    ...[u32(Math.min(size, MAX_U32)), u32(Math.min(offset, MAX_U32)), u16(0)],
  ])
}

type Field = readonly [width: 2 | 4 | 8, value: number]
const u16 = (value: number): Field => [2, value]
const u32 = (value: number): Field => [4, value]
const u64 = (value: number): Field => [8, value]

function bytesOf(fields: readonly Field[], ...rest: Uint8Array[]): Uint8Array {
  const head = new Uint8Array(fields.reduce((sum, [width]) => sum + width, 0))
  const view = new DataView(head.buffer)
  let at = 0
  for (const [width, value] of fields) {
    if (width === 2) view.setUint16(at, value, true)
    else if (width === 4) view.setUint32(at, value, true)
    else view.setBigUint64(at, BigInt(value), true)
    at += width
  }
  return joined([head, ...rest])
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    all.set(part, at)
    at += part.byteLength
  }
  return all
}
