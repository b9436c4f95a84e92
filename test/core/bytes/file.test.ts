import {
  appendFileSync,
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { equalPlaces } from '../../../src/core/bytes/equal'
import { type Mapping, mapFile } from '../../../src/core/bytes/mapping'
import { type FilePlace, type FileSource, readBytes } from '../../../src/core/bytes/source'
import { pattern, scratchFolders } from './scratch'

const scratch = scratchFolders()
let openFile: (path: string, name?: string) => FileSource

describe.each(['mapped', 'positional'])('a %s file', (kind) => {
  beforeEach(async () => {
    vi.resetModules()
    if (kind === 'positional') vi.doMock('../../../src/core/bytes/mapping', () => ({ mapFile: () => undefined }))
    openFile = (await import('../../../src/core/bytes/file')).openFile
  })
  afterEach(() => {
    vi.doUnmock('../../../src/core/bytes/mapping')
  })

  it('gives the bytes at any offset, also into the middle of a buffer', async () => {
    const path = join(scratch(), 'data.bin')
    const bytes = pattern(3_000_001)
    writeFileSync(path, bytes)
    const file = openFile(path)
    expect(file.size).toBe(3_000_001)
    for (const [offset, length] of [
      [0, 1],
      [4095, 2],
      [1_234_567, 1_000_000],
      [3_000_000, 1],
      [3_000_001, 0],
    ] as const) {
      const got = await readBytes(file, offset, length)
      expect(Buffer.compare(got, bytes.subarray(offset, offset + length))).toBe(0)
    }
    const frame = new Uint8Array(10).fill(7)
    await file.read(100, frame.subarray(3, 6))
    expect([...frame]).toEqual([7, 7, 7, ...bytes.slice(100, 103), 7, 7, 7, 7])
    file.close()
  })

  it('is compared with another where both lie', async () => {
    const folder = scratch()
    const bytes = pattern(13_000_001)
    writeFileSync(join(folder, 'a'), bytes)
    writeFileSync(join(folder, 'b'), Buffer.concat([new Uint8Array(13), bytes]))
    bytes[12_999_999] = 255 - (bytes[12_999_999] as number)
    writeFileSync(join(folder, 'c'), bytes)
    const files = ['a', 'b', 'c'].map((name) => openFile(join(folder, name)))
    const [a, b, c] = files.map((file) => file.locate()) as [FilePlace, FilePlace, FilePlace]
    const from = (place: FilePlace, offset: number) => ({ ...place, offset })
    let heard = 0
    const onBytes = (bytes: number) => {
      heard += bytes
    }
    expect(await equalPlaces(a, from(b, 13), 13_000_001, undefined, onBytes)).toBe(true)
    expect(heard).toBe(26_000_002)
    expect(await equalPlaces(a, b, 1000)).toBe(false)
    expect(await equalPlaces(from(a, 1000), from(c, 1000), 12_998_999)).toBe(true)
    expect(await equalPlaces(from(a, 1000), from(c, 1000), 12_999_000)).toBe(false)
    await expect(equalPlaces(from(a, 1000), from(c, 1000), 13_000_000)).rejects.toMatchObject({
      code: 'file/truncated',
    })
    const abort = new AbortController()
    await expect(equalPlaces(a, from(b, 13), 13_000_001, abort.signal, () => abort.abort())).rejects.toMatchObject({
      code: 'cancelled',
    })
    // whoever closes a file does not wait for those who compare it
    const underWay = equalPlaces(a, from(b, 13), 13_000_001)
    for (const file of files) file.close()
    await expect(underWay).rejects.toMatchObject({ code: 'file/unreadable' })
  })

  it('that is cut short under a comparison is reported, and kills nobody', async () => {
    const folder = scratch()
    const bytes = pattern(9_000_000)
    for (const name of ['cut', 'whole']) writeFileSync(join(folder, name), bytes)
    const [cut, whole] = ['cut', 'whole'].map((name) => openFile(join(folder, name), name)) as [FileSource, FileSource]
    // After the last look at its size, before the first at its bytes.
    const place: FilePlace = {
      ...cut.locate(),
      mapping(end) {
        const mapping = cut.locate().mapping(end)
        truncateSync(join(folder, 'cut'), 100_000)
        return mapping
      },
    }
    await expect(equalPlaces(place, whole.locate(), bytes.length)).rejects.toMatchObject({
      code: 'file/changed',
      message: expect.stringMatching(/^cut shrank /),
      hint: expect.stringContaining('open the file again'),
    })
    for (const file of [cut, whole]) file.close()
    // What is sound is compared where it lies as before.
    const sound = [openFile(join(folder, 'whole')), openFile(join(folder, 'whole'))] as const
    expect(await equalPlaces(sound[0].locate(), sound[1].locate(), bytes.length)).toBe(true)
    for (const file of sound) file.close()
  })

  it('of no bytes opens, and has none to give', async () => {
    const path = join(scratch(), 'empty')
    writeFileSync(path, '')
    const file = openFile(path, 'empty')
    expect(file.size).toBe(0)
    await expect(readBytes(file, 0, 0)).resolves.toHaveLength(0)
    await expect(readBytes(file, 0, 1)).rejects.toMatchObject({ code: 'file/truncated', file: 'empty' })
    file.close()
  })

  it('refuses to read beyond its end or before its start', async () => {
    const path = join(scratch(), 'data.bin')
    writeFileSync(path, 'abc')
    const file = openFile(path)
    await expect(file.read(2, new Uint8Array(2))).rejects.toMatchObject({ code: 'file/truncated' })
    await expect(file.read(-1, new Uint8Array(2))).rejects.toMatchObject({ code: 'file/truncated' })
    file.close()
  })

  it('that shrinks under the reader is reported, and kills nobody', async () => {
    const path = join(scratch(), 'data.bin')
    writeFileSync(path, pattern(1_000_000))
    const file = openFile(path, 'data.bin')
    await readBytes(file, 0, 100)
    truncateSync(path, 4096)
    await expect(readBytes(file, 500_000, 100)).rejects.toMatchObject({
      code: 'file/changed',
      message: 'data.bin shrank from 1000000 to 4096 bytes while it was open',
    })
    file.close()
  })

  it('that is written to while it is open is reported instead of giving values of two saves', async () => {
    const folder = scratch()
    const grown = join(folder, 'grown')
    const rewritten = join(folder, 'rewritten')
    writeFileSync(grown, 'abcdef')
    writeFileSync(rewritten, 'abcdef')
    utimesSync(rewritten, 1000, 1000)
    const files = [openFile(grown), openFile(rewritten)]
    appendFileSync(grown, 'g')
    writeFileSync(rewritten, 'ghijkl')
    for (const file of files) {
      await expect(readBytes(file, 0, 3)).rejects.toMatchObject({ code: 'file/changed' })
      file.close()
    }
  })

  it('that is replaced by renaming still gives what it held', async () => {
    const folder = scratch()
    const path = join(folder, 'data')
    writeFileSync(path, 'old')
    const file = openFile(path)
    writeFileSync(join(folder, 'next'), 'new')
    renameSync(join(folder, 'next'), path)
    expect(await readBytes(file, 0, 3)).toEqual(new TextEncoder().encode('old'))
    file.close()
  })

  it('gives nothing once it is closed', async () => {
    const path = join(scratch(), 'data')
    writeFileSync(path, 'abc')
    const file = openFile(path)
    await readBytes(file, 0, 3)
    file.close()
    file.close()
    await expect(readBytes(file, 0, 3)).rejects.toMatchObject({ code: 'file/unreadable' })
  })

  it('stays readable among hundreds, with few descriptors open', async () => {
    const folder = scratch()
    const before = openDescriptors()
    const files = Array.from({ length: 200 }, (_, i) => {
      writeFileSync(join(folder, `${i}`), `content ${i}`)
      return openFile(join(folder, `${i}`))
    })
    for (let round = 0; round < 2; round++) {
      for (const [i, file] of files.entries()) {
        expect(new TextDecoder().decode(await readBytes(file, 8, file.size - 8))).toBe(`${i}`)
      }
    }
    expect(openDescriptors() - before).toBeLessThanOrEqual(32)
    // The first was closed long ago to make room: what is at its path now is another file.
    writeFileSync(join(folder, 'other'), 'content 0')
    renameSync(join(folder, 'other'), join(folder, '0'))
    await expect(readBytes(files[0] as FileSource, 0, 1)).rejects.toMatchObject({ code: 'file/changed' })
    // As a repair in place does it: the file itself lies beside.
    renameSync(join(folder, '1'), join(folder, '1.backup'))
    expect(new TextDecoder().decode(await readBytes(files[1] as FileSource, 0, 9))).toBe('content 1')
    writeFileSync(join(folder, '2.backup'), 'content 2')
    renameSync(join(folder, '2'), join(folder, 'elsewhere'))
    await expect(readBytes(files[2] as FileSource, 0, 1)).rejects.toMatchObject({ code: 'file/unreadable' })
    for (const file of files) file.close()
    expect(openDescriptors()).toBeLessThanOrEqual(before)
  })

  it('that cannot be opened says why and what to do', () => {
    const folder = scratch()
    mkdirSync(join(folder, 'sub'))
    const refusals = [
      [join(folder, 'none'), 'does not exist'],
      [join(folder, 'sub'), 'is a folder'],
    ] as const
    for (const [path, why] of refusals) {
      expect(() => openFile(path, 'x')).toThrow(
        expect.objectContaining({ code: 'file/unreadable', message: `x ${why}`, hint: expect.stringContaining(' ') }),
      )
    }
    expect(() => openFile('/dev/zero', 'zero')).toThrow('zero is a device or a pipe, not a file')
    const secret = join(folder, 'secret')
    writeFileSync(secret, 'abc')
    chmodSync(secret, 0)
    // The superuser may read it all the same.
    if (process.getuid?.() !== 0) expect(() => openFile(secret, 'x')).toThrow('x may not be read')
  })
})

it.skipIf(process.platform !== 'linux')('is mapped where the system has the calls for it', async () => {
  const path = join(scratch(), 'data')
  writeFileSync(path, 'abcabd')
  const fd = openSync(path, 'r')
  const mapping = mapFile(fd, 6, () => true) as Mapping
  closeSync(fd)
  expect(await mapping.isEqual(0, mapping, 3, 2)).toBe(true)
  expect(await mapping.isEqual(0, mapping, 3, 3)).toBe(false)
  mapping.unmap()
  expect(mapFile(-1, 6, () => true)).toBeUndefined()
})

function openDescriptors(): number {
  return readdirSync('/dev/fd').length
}
