import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { memorySource, readBytes } from '../../../src/core/bytes/source'
import { checkCrc, entrySource, openZip } from '../../../src/core/container/zip'
import { TorchArchive } from '../../../src/core/write/torch-archive'
import { memorySink } from './memory-sink'

const golden = (path: string) => new Uint8Array(readFileSync(new URL(`../../golden/${path}`, import.meta.url)))

/**
 * Offsets at which two archives differ, but for the 40 digits of the serialization id (they depend on the C++ library that
 * hashed the names) and their CRC-32, behind them and in the last entry of the directory.
 */
function differences(a: Uint8Array, b: Uint8Array): number[] {
  const entry = Buffer.from(b).lastIndexOf('PK\x01\x02', undefined, 'latin1')
  const local = new DataView(b.buffer, b.byteOffset).getUint32(entry + 42, true)
  const header = new DataView(b.buffer, b.byteOffset + local)
  const digits = local + 30 + header.getUint16(26, true) + header.getUint16(28, true)
  const isId = (at: number) => (at >= digits && at < digits + 48) || (at >= entry + 16 && at < entry + 20)
  return [...a.keys()].filter((at) => a[at] !== b[at] && !isId(at)).slice(0, 5)
}

describe('writing torch archives', () => {
  it.each(['torch-zoo-compiled/data/model.pt', 'torch-zoo-dtypes/data/model.pt', 'seed-style/data/training_state.pt'])(
    'gives the records of %s the same bytes around them as PyTorch does',
    async (path) => {
      const original = golden(path)
      const zip = await openZip(memorySource(path, original))
      const root = zip.entries[0]?.name.split('/')[0] ?? ''
      const sink = memorySink()
      const archive = new TorchArchive(sink, root)
      for (const entry of zip.entries) {
        if (entry.name.endsWith('serialization_id')) continue
        const record = entrySource(zip, entry)
        await archive.addBytes(entry.name.slice(root.length + 1), await readBytes(record, 0, record.size))
      }
      await archive.finish()
      expect(sink.bytes().length).toBe(original.length)
      expect(differences(sink.bytes(), original)).toEqual([])
    },
  )

  it('keeps offsets beyond 4 GiB in zip64 fields, locally and in the directory', async () => {
    const start = 2 ** 32 + 5
    const sink = memorySink(start)
    const archive = new TorchArchive(sink, 'archive')
    await archive.addBytes('data/0', new Uint8Array([1, 2, 3]))
    await archive.finish()
    const bytes = sink.bytes()
    const view = new DataView(bytes.buffer)
    const extra = 30 + 'archive/data/0'.length
    expect([view.getUint16(extra, true), view.getUint16(extra + 2, true)]).toEqual([1, 8])
    expect(view.getBigUint64(extra + 4, true)).toBe(BigInt(start))
    const payload = extra + view.getUint16(28, true)
    expect((start + payload) % 64).toBe(0)
    expect([...bytes.subarray(payload, payload + 3)]).toEqual([1, 2, 3])
    // A data descriptor with 64-bit sizes: signature, CRC-32, two sizes.
    expect(view.getBigUint64(payload + 3 + 8, true)).toBe(3n)
    expect(view.getUint32(payload + 3 + 24, true)).toBe(0x04034b50)
  })

  it('puts every payload at a multiple of 64 and its CRC-32 behind it', async () => {
    const sink = memorySink()
    const archive = new TorchArchive(sink, 'r')
    for (let size = 0; size < 70; size += 7) await archive.addBytes(`data/${size}`, new Uint8Array(size).fill(size))
    await archive.finish()
    const zip = await openZip(memorySource('r.pt', sink.bytes()))
    for (const entry of zip.entries) {
      expect(await checkCrc(zip, entry)).toEqual({ isSame: true })
      const view = new DataView(sink.bytes().buffer, entry.headerOffset)
      expect((entry.headerOffset + 30 + view.getUint16(26, true) + view.getUint16(28, true)) % 64).toBe(0)
    }
  })

  it('refuses records of another size than promised', async () => {
    const archive = new TorchArchive(memorySink(), 'r')
    await expect(archive.add('a', 2, [new Uint8Array(3)])).rejects.toMatchObject({ code: 'target/wrong-length' })
    await expect(archive.add('b', 2, [new Uint8Array(1)])).rejects.toMatchObject({ code: 'target/wrong-length' })
  })
})
