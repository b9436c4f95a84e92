import { memorySource, readBytes } from '../../src/core/bytes/source'
import { entrySource, openZip } from '../../src/core/container/zip'
import { AssayError } from '../../src/core/errors'
import { type Member, makeZip } from '../core/container/make-zip'
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
    const records: Member[] = []
    for (const entry of archive.entries) {
      const source = entrySource(archive, entry)
      records.push({ name: entry.name, data: await readBytes(source, 0, source.size) })
    }
    const pickles = records.filter(({ name }) => name.endsWith('.pkl'))
    const chosen = random.pick(random.chance(0.9) && pickles.length > 0 ? pickles : records)
    if (!chosen) return undefined
    const mutated = mutate(chosen.data, random, donor)
    return makeZip(records.map((record) => (record === chosen ? { ...record, data: mutated } : record)))
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
