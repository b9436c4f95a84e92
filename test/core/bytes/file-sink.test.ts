import { readdirSync, readFileSync, truncateSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { openFile } from '../../../src/core/bytes/file'
import { createFileSink, freeBytes, makeFolder } from '../../../src/core/bytes/file-sink'
import { damage, partialIn, pattern, scratchFolders } from './scratch'

const scratch = scratchFolders()
const text = (value: string) => new TextEncoder().encode(value)

it('gives a file its name only when it is whole', async () => {
  const folder = scratch()
  const sink = await createFileSink(join(folder, 'model.bin'))
  await sink.write(text('the world'))
  await sink.write(text('!'))
  expect(sink.position).toBe(10)
  expect(readdirSync(folder)).not.toContain('model.bin')
  await sink.commit()
  expect(readdirSync(folder)).toEqual(['model.bin'])
  expect(readFileSync(join(folder, 'model.bin'), 'utf8')).toBe('the world!')
})

it('leaves nothing behind when it is discarded, also after a commit that failed', async () => {
  const folder = scratch()
  const sink = await createFileSink(join(folder, 'a'))
  await sink.write(text('half'))
  await sink.discard()
  await sink.discard()
  expect(readdirSync(folder)).toEqual([])

  const late = await createFileSink(join(folder, 'a'))
  await late.write(text('new'))
  writeFileSync(join(folder, 'a'), 'came in between')
  await expect(late.commit()).rejects.toMatchObject({ code: 'target/exists' })
  await late.discard()
  expect(readdirSync(folder)).toEqual(['a'])
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('came in between')
})

it('never replaces what is there', async () => {
  const folder = scratch()
  writeFileSync(join(folder, 'a'), 'old')
  await expect(createFileSink(join(folder, 'a'))).rejects.toMatchObject({ code: 'target/exists' })
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('old')
})

it('writes long blocks whole, and the part of a buffer that it is given', async () => {
  const path = join(scratch(), 'a')
  const sink = await createFileSink(path)
  const bytes = new Uint8Array(5_000_000).map((_, i) => i)
  await sink.write(bytes.subarray(1, 4_999_999))
  await sink.commit()
  expect(Buffer.compare(readFileSync(path), bytes.subarray(1, 4_999_999))).toBe(0)
})

describe.each(['in the kernel', 'through a buffer'])('copies %s', (how) => {
  let sinks: typeof import('../../../src/core/bytes/file-sink')
  beforeEach(async () => {
    vi.resetModules()
    if (how === 'through a buffer')
      vi.doMock('../../../src/core/bytes/copy-range', () => ({ copyRange: async () => 0 }))
    sinks = await import('../../../src/core/bytes/file-sink')
  })
  afterEach(() => {
    vi.doUnmock('../../../src/core/bytes/copy-range')
  })

  it('a part of another file behind what is written', async () => {
    const folder = scratch()
    const bytes = pattern(3_000_001)
    writeFileSync(join(folder, 'from'), bytes)
    const from = openFile(join(folder, 'from'))
    const sink = await sinks.createFileSink(join(folder, 'a'))
    await sink.write(text('head'))
    await sink.copy?.(from.locate(), 12_345, 2_000_000)
    await sink.write(text('tail'))
    expect(sink.position).toBe(2_000_008)
    await sink.commit()
    from.close()
    const expected = Buffer.concat([text('head'), bytes.subarray(12_345, 2_012_345), text('tail')])
    expect(Buffer.compare(readFileSync(join(folder, 'a')), expected)).toBe(0)
  })

  it('nothing of a file that has changed since it was opened', async () => {
    const folder = scratch()
    writeFileSync(join(folder, 'from'), pattern(500_000))
    const from = openFile(join(folder, 'from'))
    const sink = await sinks.createFileSink(join(folder, 'a'))
    utimesSync(join(folder, 'from'), 1, 1)
    await expect(sink.copy?.(from.locate(), 0, 500_000)).rejects.toMatchObject({ code: 'file/changed' })
    truncateSync(join(folder, 'from'), 400_000)
    await expect(sink.copy?.(from.locate(), 0, 500_000)).rejects.toMatchObject({ code: 'file/changed' })
    expect(sink.position).toBe(0)
    from.close()
    await sink.discard()
    expect(readdirSync(folder)).toEqual(['from'])
  })
})

describe.skipIf(process.platform === 'win32')('what was copied', () => {
  const length = 4_000_001

  async function copied(onBlock?: (folder: string) => void) {
    const folder = scratch()
    writeFileSync(join(folder, 'from'), pattern(length + 7))
    const from = openFile(join(folder, 'from'))
    const sink = await createFileSink(join(folder, 'a'))
    await sink.write(text('head'))
    await sink.copy?.(from.locate(), 7, 2_000_000, onBlock && (() => onBlock(folder)))
    await sink.copy?.(from.locate(), 2_000_007, length - 2_000_000)
    await sink.write(text('tail'))
    await sink.commit()
    const copy = openFile(join(folder, 'a'))
    onTestFinished(() => {
      from.close()
      copy.close()
    })
    const known = (at: number, offset: number) =>
      sink.copies?.known({ ...copy.locate(), offset: at }, { ...from.locate(), offset })
    return { folder, sink, from, known }
  }

  it('is known to be there once it was read back, from every byte on', async () => {
    const { known } = await copied()
    expect(known(4, 7)).toBe(length)
    expect(known(1004, 1007)).toBe(length - 1000)
    expect(known(length + 3, length + 6)).toBe(1)
  })

  it('is not known where something else stands in either file', async () => {
    const { known } = await copied()
    expect([known(0, 3), known(4, 8), known(length + 4, length + 7)]).toEqual([0, 0, 0])
  })

  it('is not known of a stretch that reads back with another byte', async () => {
    let blocks = 0
    const { known } = await copied((folder) => {
      if (blocks++ === 1) damage(partialIn(folder), 1000)
    })
    expect(known(4, 7)).toBe(0)
    expect(known(2_000_004, 2_000_007)).toBe(length - 2_000_000)
  })

  it('is not known of a file that was written to since', async () => {
    const { folder, sink, from } = await copied()
    utimesSync(join(folder, 'a'), 1, 1)
    const copy = openFile(join(folder, 'a'))
    const known = sink.copies?.known({ ...copy.locate(), offset: 4 }, { ...from.locate(), offset: 7 })
    copy.close()
    expect(known).toBe(0)
  })
})

it('says why it cannot write', async () => {
  const folder = scratch()
  await expect(createFileSink(join(folder, 'none/a'))).rejects.toMatchObject({ code: 'target/unwritable' })
  writeFileSync(join(folder, 'file'), '')
  expect(() => makeFolder(join(folder, 'file/sub'))).toThrow(expect.objectContaining({ code: 'target/unwritable' }))
})

it('makes folders and knows the room on their volume before they are there', () => {
  const folder = join(scratch(), 'a/b/c')
  expect(freeBytes(folder)).toBeGreaterThan(0)
  makeFolder(folder)
  makeFolder(folder)
  expect(readdirSync(folder)).toEqual([])
})
