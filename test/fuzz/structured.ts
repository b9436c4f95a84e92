import { memorySource, readBytes } from '../../src/core/bytes/source'
import { crc32 } from '../../src/core/container/crc32'
import { entrySource, openZip } from '../../src/core/container/zip'
import { AssayError } from '../../src/core/errors'
import { joined, mutate } from './mutate'
import type { Random } from './random'

const LARGEST_RECORD = 1 << 22

/**
 * A zip with one record mutated (a pickle where there is one, most of the time) and everything around it right: checksum,
 * sizes, directory. Undefined when the bytes are no zip that can be taken apart.
 */
export async function mutateRecord(
  bytes: Uint8Array,
  random: Random,
  donor: () => Uint8Array,
): Promise<Uint8Array | undefined> {
  try {
    const archive = await openZip(memorySource('original', bytes))
    if (archive.torn || archive.entries.some(({ size }) => size > LARGEST_RECORD)) return undefined
    const records: ZipRecord[] = []
    for (const entry of archive.entries) {
      const source = entrySource(archive, entry)
      records.push({ name: entry.name, bytes: await readBytes(source, 0, source.size) })
    }
    const pickles = records.filter(({ name }) => name.endsWith('.pkl'))
    const chosen = random.pick(random.chance(0.9) && pickles.length > 0 ? pickles : records)
    if (!chosen) return undefined
    const mutated = mutate(chosen.bytes, random, donor)
    return zipOf(records.map((record) => (record === chosen ? { ...record, bytes: mutated } : record)))
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}

/** A safetensors file with its header mutated and the length in front of it right. Undefined where there is no header. */
export function mutateHeader(bytes: Uint8Array, random: Random, donor: () => Uint8Array): Uint8Array | undefined {
  if (bytes.length < 9) return undefined
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true)
  if (length > BigInt(bytes.length - 8)) return undefined
  const end = 8 + Number(length)
  const header = mutate(bytes.subarray(8, end), random, donor)
  const size = new Uint8Array(8)
  new DataView(size.buffer).setBigUint64(0, BigInt(header.length), true)
  return joined(size, header, bytes.subarray(end))
}

interface ZipRecord {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A zip of stored records, without zip64 (APPNOTE.TXT 6.3.10, 4.3.7, 4.3.12 and 4.3.16). */
function zipOf(records: readonly ZipRecord[]): Uint8Array {
  const parts: Uint8Array[] = []
  const directory: Uint8Array[] = []
  let at = 0
  for (const { name, bytes } of records) {
    const encoded = Buffer.from(name)
    // Version, flags, method, time, date, checksum, two sizes, length of the name, none of extra fields.
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt32LE(crc32(bytes), 10)
    common.writeUInt32LE(bytes.length, 14)
    common.writeUInt32LE(bytes.length, 18)
    common.writeUInt16LE(encoded.length, 22)
    const place = Buffer.alloc(14)
    place.writeUInt32LE(at, 10)
    directory.push(Buffer.from('PK\x01\x02\x14\x00', 'latin1'), common, place, encoded)
    parts.push(Buffer.from('PK\x03\x04', 'latin1'), common, encoded, bytes)
    at += 30 + encoded.length + bytes.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(records.length, 8)
  end.writeUInt16LE(records.length, 10)
  end.writeUInt32LE(
    directory.reduce((sum, part) => sum + part.length, 0),
    12,
  )
  end.writeUInt32LE(at, 16)
  return joined(...parts, ...directory, end)
}
