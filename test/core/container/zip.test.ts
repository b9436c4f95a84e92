import { describe, expect, it } from 'vitest'
import { memorySource, readBytes } from '../../../src/core/bytes/source'
import { checkCrc, entrySource, openZip, type ZipArchive } from '../../../src/core/container/zip'
import { counted, golden } from './golden'
import { concat, type Member, makeZip } from './make-zip'

const text = (value: string) => new TextEncoder().encode(value)
const member = (name: string, content: string, more: Partial<Member> = {}): Member => ({
  name,
  data: text(content),
  ...more,
})
const open = (bytes: Uint8Array) => openZip(memorySource('x.pt', bytes))

async function contents(archive: ZipArchive): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const entry of archive.entries) {
    found[entry.name] = new TextDecoder().decode(await readBytes(entrySource(archive, entry), 0, entry.size))
  }
  return found
}

const codes = (archive: ZipArchive) => archive.findings.map(({ rule }) => rule)

describe('the archive torch writes', () => {
  it('opens by its directory, and every record has its checksum', async () => {
    const source = golden('damaged-healthy-zip/data/model.pt')
    const archive = await openZip(source)
    expect(archive.torn).toBeUndefined()
    expect(archive.findings).toEqual([])
    expect(archive.entries.map(({ name, size }) => [name, size])).toEqual([
      ['model/data.pkl', 458],
      ['model/.format_version', 1],
      ['model/.storage_alignment', 2],
      ['model/byteorder', 6],
      ['model/data/0', 131072],
      ['model/data/1', 65536],
      ['model/data/2', 1024],
      ['model/data/3', 65536],
      ['model/data/4', 256],
      ['model/version', 2],
      ['model/.data/serialization_id', 40],
    ])
    for (const entry of archive.entries) expect(await checkCrc(archive, entry)).toEqual({ isSame: true })
  })

  it('gives away one flipped bit', async () => {
    const archive = await openZip(golden('damaged-zip-bitflip/data/model.pt'))
    const wrong: string[] = []
    for (const entry of archive.entries) if (!(await checkCrc(archive, entry))?.isSame) wrong.push(entry.name)
    expect(wrong).toEqual(['model/data/0'])
  })

  it('shows the names of the directory, whatever the local headers say', async () => {
    const names = (await openZip(golden('damaged-zip-record-missing/data/model.pt'))).entries.map(({ name }) => name)
    expect(names).toContain('model/data/9')
    expect(names).not.toContain('model/data/0')
  })

  it('opens without a byte of its records being read', async () => {
    const data = new Uint8Array(1_000_000)
    const source = counted(makeZip([{ name: 'a/data/0', data, descriptor: true }], { zip64: true }))
    await openZip(source)
    expect(source.bytesRead).toBeLessThan(100_000)
  })
})

describe('a record whose local header is damaged', () => {
  const members = [
    member('a/data.pkl', 'first', { descriptor: true }),
    member('a/data/0', 'the values', { descriptor: true }),
    member('a/version', '3'),
  ]
  const DAMAGES: readonly [what: string, at: number, bytes: readonly number[]][] = [
    ['its signature', 0, [0, 0, 0, 0]],
    ['all of it', 0, new Array(30).fill(0)],
    ['the length of its name', 26, [0x20, 0]],
    ['the length of its extra field', 28, [4, 0]],
  ]

  for (const [what, at, bytes] of DAMAGES) {
    it(`is read by the descriptor behind its data: ${what}`, async () => {
      const zip = makeZip(members)
      const { headerOffset } = (await open(zip)).entries[1] ?? { headerOffset: 0 }
      zip.set(bytes, headerOffset + at)
      const archive = await open(zip)
      expect(await contents(archive)).toEqual({ 'a/data.pkl': 'first', 'a/data/0': 'the values', 'a/version': '3' })
      const checks = await Promise.all(archive.entries.map((entry) => checkCrc(archive, entry)))
      expect(checks).toEqual([{ isSame: true }, { isSame: true, misstated: 'header' }, { isSame: true }])
    })
  }

  it('is refused where the descriptor states another size, or there is none', async () => {
    for (const descriptor of [true, false]) {
      const zip = makeZip([member('a/data/0', 'the values', { descriptor }), member('a/version', '3')])
      zip.fill(0, 0, 30)
      if (descriptor) zip.set([11], 30 + 'a/data/0'.length + 'the values'.length + 8)
      const archive = await open(zip)
      await expect(contents(archive)).rejects.toMatchObject({ code: 'file/bad-header', offset: 0 })
    }
  })
})

describe('a directory with an entry that is wrong', () => {
  const members = ['a/data.pkl', 'a/data/0', 'a/data/1', 'a/version'].map((name) =>
    member(name, name, { descriptor: true }),
  )

  it.each([
    ['signature', 0],
    ['length of the name', 28],
    ['length of the extra field', 30],
  ])('hides no record behind it: %s', async (_what, at) => {
    const zip = makeZip(members, { zip64: true })
    const central = Buffer.from(zip).indexOf('PK\x01\x02')
    const second = Buffer.from(zip).indexOf('PK\x01\x02', central + 4)
    zip.set([(zip[second + at] ?? 0) ^ 0x40], second + at)
    const archive = await open(zip)
    expect(archive.torn).toMatchObject({ reason: 'its directory is damaged', isWhole: true })
    expect(await contents(archive)).toEqual(Object.fromEntries(members.map(({ name }) => [name, name])))
  })
})

describe('a checksum in the directory that is wrong', () => {
  it.each([true, false])(
    'is told from bytes that are by the one with the data (in a descriptor: %s)',
    async (descriptor) => {
      const lying = member('a/data/0', 'the values', { descriptor, lie: { crc32: 0x1234 } })
      const whole = await open(makeZip([lying]))
      const zip = makeZip([lying])
      zip.set([0], 30 + 'a/data/0'.length)
      const damaged = await open(zip)
      const [a, b] = [whole.entries[0], damaged.entries[0]]
      expect(a && (await checkCrc(whole, a))).toEqual({ isSame: true, misstated: 'checksum' })
      expect(b && (await checkCrc(damaged, b))).toEqual({ isSame: false })
    },
  )
})

describe('two archives of the same size in one file', () => {
  for (const zip64 of [true, false]) {
    it(`give the first, and word that readers differ about them (zip64: ${zip64})`, async () => {
      const [first, second] = ['one', 'two'].map((data) => makeZip([member('a/data', data)], { zip64 })) as [
        Uint8Array,
        Uint8Array,
      ]
      const archive = await open(concat([first, second]))
      expect(await contents(archive)).toEqual({ 'a/data': 'one' })
      expect(archive.gapAt).toBeGreaterThan(0)
      expect(archive.findings.map(({ rule, message }) => [rule, message])).toEqual([
        ['file/bad-header', expect.stringMatching(/another archive.*torch lists the first and Python the second/)],
      ])
    })
  }

  it('are told apart from bytes that only stand between directory and end record', async () => {
    const whole = makeZip([member('a/data', 'one')])
    const end = whole.length - 22
    const archive = await open(concat([whole.subarray(0, end), text('astray'), whole.subarray(end)]))
    expect(archive.findings[0]?.message).toMatch(/^6 bytes stand between .* which belong to neither/)
  })

  it('is not said of a healthy archive with a comment', async () => {
    const archive = await open(makeZip([member('a/data', 'one')], { zip64: true, comment: 'PK' }))
    expect([archive.gapAt, codes(archive)]).toEqual([undefined, []])
  })
})

describe('a torn archive', () => {
  it('cut in its directory gives every record, with its checksum', async () => {
    const archive = await openZip(golden('damaged-zip-cut-last/data/model.pt'))
    expect(archive.torn).toEqual({ offset: 264952, reason: 'its directory is cut or damaged' })
    expect(archive.entries).toHaveLength(11)
    for (const entry of archive.entries) expect(await checkCrc(archive, entry)).toEqual({ isSame: true })
  })

  it('cut in a record gives those before it, and of that one what is left', async () => {
    const archive = await openZip(golden('damaged-zip-cut-half/data/model.pt'))
    expect(archive.torn).toEqual({ offset: 132112, reason: 'the file ends inside model/data/1' })
    expect(archive.entries.map(({ name, size, cut }) => [name, size, cut])).toEqual([
      ['model/data.pkl', 458, undefined],
      ['model/.format_version', 1, undefined],
      ['model/.storage_alignment', 2, undefined],
      ['model/byteorder', 6, undefined],
      ['model/data/0', 131072, undefined],
      ['model/data/1', 705, true],
    ])
    expect(await checkCrc(archive, archive.entries[4] as never)).toEqual({ isSame: true })
    expect(await checkCrc(archive, archive.entries[5] as never)).toBeUndefined()
  })

  it('gives, at whatever byte it is cut, only what it really held', async () => {
    const members = [member('a/data.pkl', 'pickle', { descriptor: true }), member('a/none', ''), member('a/x', 'known')]
    members.push(member('a/y', 'packed packed packed', { deflate: true, descriptor: true }), member('a/z', 'last'))
    const whole = makeZip(members)
    for (let length = 31; length < whole.length; length++) {
      const archive = await open(whole.subarray(0, length)).catch((error) => {
        expect(error.code).toBe('file/truncated')
        expect(length).toBeLessThan(50)
      })
      if (!archive) continue
      expect(archive.torn?.offset).toBeLessThanOrEqual(length)
      for (const [i, entry] of archive.entries.entries()) {
        const { name, data } = members[i] as Member
        expect(entry.name).toBe(name)
        if (entry.cut) continue
        expect(await readBytes(entrySource(archive, entry), 0, entry.size)).toEqual(data)
        expect(await checkCrc(archive, entry)).toEqual({ isSame: true })
      }
    }
  })

  it('is not fooled by data that looks like a header or a descriptor', async () => {
    const inner = makeZip([member('inner', 'x', { descriptor: true })])
    const lookalikes = concat([text('PK\x03\x04PK\x07\x08PK\x01\x02'), new Uint8Array(40), inner.subarray(0, 20)])
    const whole = makeZip([
      { name: 'a/0', data: lookalikes, descriptor: true },
      member('a/1', 'after', { descriptor: true }),
    ])
    const archive = await open(whole.subarray(0, whole.length - 22))
    expect(archive.entries.map(({ name, size }) => [name, size])).toEqual([
      ['a/0', lookalikes.length],
      ['a/1', 5],
    ])
  })

  it('with descriptors of 64 bits is read as well', async () => {
    const whole = makeZip([member('a/0', 'abcd')])
    const local = whole.slice(0, 30 + 3 + 4)
    local[6] = 0x08
    local.fill(0, 14, 26)
    const descriptor = new Uint8Array(24)
    descriptor.set(text('PK\x07\x08'))
    descriptor.set(whole.subarray(14, 18), 4)
    descriptor[8] = descriptor[16] = 4
    const archive = await open(concat([local, descriptor, local]))
    expect(archive.entries.map(({ size, cut }) => [size, cut])).toEqual([
      [4, undefined],
      [4, true],
    ])
    expect(await checkCrc(archive, archive.entries[0] as never)).toEqual({ isSame: true })
  })

  it('longer than a block is searched through, over the borders of blocks', async () => {
    const data = new Uint8Array(1_048_570).fill(0x50)
    const members = [0, 1, 2, 3].map((i): Member => ({ name: `a/${i}`, data: data.subarray(i * 5), descriptor: true }))
    const whole = makeZip(members)
    const source = counted(whole.subarray(0, whole.length - 30))
    const archive = await openZip(source)
    expect(archive.entries.map(({ size }) => size)).toEqual([1_048_570, 1_048_565, 1_048_560, 1_048_555])
    expect(source.bytesRead).toBeLessThan(2 * whole.length)
  })
})

describe('an archive', () => {
  it('with deflated records, a comment and 64-bit sizes is read', async () => {
    const members = [
      member('a', 'stored'),
      member('b/ü.txt', 'deflated '.repeat(1000), { deflate: true }),
      member('c', ''),
    ]
    for (const zip64 of [false, true]) {
      const archive = await open(makeZip(members, { zip64, comment: 'a comment PK\x05\x06 with a trap' }))
      expect(archive.findings).toEqual([])
      expect(await contents(archive)).toEqual({ a: 'stored', 'b/ü.txt': 'deflated '.repeat(1000), c: '' })
      for (const entry of archive.entries) expect(await checkCrc(archive, entry)).toEqual({ isSame: true })
    }
  })

  it('of no records is empty', async () => {
    expect((await open(makeZip([]))).entries).toEqual([])
  })

  it('behind other bytes is read, and said to be no torch file', async () => {
    for (const zip64 of [false, true]) {
      const archive = await open(makeZip([member('a', 'abc')], { zip64, prefix: text('#!/bin/sh\n') }))
      expect(await contents(archive)).toEqual({ a: 'abc' })
      expect(codes(archive)).toEqual(['file/bad-header'])
    }
  })

  it('of 70,000 records opens, though the old count has 16 bits', async () => {
    const members = Array.from({ length: 70_000 }, (_, i) => member(`archive/data/${i}`, ''))
    const bytes = makeZip(members)
    new DataView(bytes.buffer).setUint32(bytes.length - 14, (70_000 % 65_536) | ((70_000 % 65_536) << 16), true)
    const archive = await open(bytes)
    expect(archive.entries).toHaveLength(70_000)
    expect(archive.findings).toEqual([])
  })

  it('names what is wrong with its names', async () => {
    const names = ['a/../../b', '/etc/passwd', 'C:\\x', '..', 'fine..name', 'a/b', 'a/b']
    const archive = await open(makeZip(names.map((name) => member(name, 'x'))))
    expect(codes(archive).sort()).toEqual(['file/bad-header', ...Array(4).fill('file/path-escape')])
    const slip = await openZip(golden('hostile-zip-slip/data/pytorch_model.bin'))
    expect(slip.findings.map(({ evidence }) => evidence?.record)).toEqual(['../../tmp/pwned', '/tmp/pwned'])
    expect(slip.entries).toHaveLength(10)
  })

  it('with a bomb says so, and does not inflate it', async () => {
    const archive = await openZip(golden('hostile-zip-bomb/data/pytorch_model.bin'))
    expect(codes(archive)).toEqual(['file/resource-bomb'])
    const bomb = archive.entries.find(({ name }) => name === 'archive/data/0')
    await expect(entrySource(archive, bomb as never).read(0, new Uint8Array(1))).rejects.toMatchObject({
      code: 'file/resource-bomb',
    })
  })

  it.each([
    ['too small', 10, 'file/resource-bomb'],
    ['too large', 20_000, 'file/bad-header'],
  ])('whose record claims a size %s is not believed', async (_, size, code) => {
    const archive = await open(makeZip([member('a', 'x'.repeat(10_000), { deflate: true, lie: { size } })]))
    await expect(readBytes(entrySource(archive, archive.entries[0] as never), 0, 1)).rejects.toMatchObject({ code })
  })

  it.each([
    ['is encrypted', { flags: 1 }, 'file/unknown-format', 'x.pt:a is encrypted'],
    ['uses LZMA', { method: 14 }, 'file/unknown-format', 'x.pt:a is compressed with LZMA, which Assay does not read'],
    ['uses an unheard-of method', { method: 77 }, 'file/unknown-format', 'method 77'],
    ['has two sizes', { size: 2 }, 'file/bad-header', 'claims two sizes, 2 and 3 bytes'],
    ['lies elsewhere', { offset: 1 }, 'file/bad-header', 'no local header'],
    ['lies beyond the file', { offset: 1e9 }, 'file/truncated', 'x.pt'],
    ['is longer than the file', { size: 5e8, compressedSize: 5e8 }, 'file/truncated', 'x.pt'],
  ])('refuses a record that %s when it is read', async (_, lie, code, message) => {
    const archive = await open(makeZip([member('a', 'abc', { lie }), member('b', 'sound')]))
    const [bad, good] = archive.entries
    const reading = readBytes(entrySource(archive, bad as never), 0, 1)
    await expect(reading).rejects.toMatchObject({ code, message: expect.stringContaining(message) })
    expect(await readBytes(entrySource(archive, good as never), 0, 5)).toEqual(text('sound'))
  })

  it('behind another archive says that only the last is listed', async () => {
    const archive = await open(makeZip([member('b', 'two')], { prefix: makeZip([member('a', 'another')]) }))
    expect(archive.entries.map(({ name }) => name)).toEqual(['b'])
    expect(archive.findings).toMatchObject([
      { rule: 'file/bad-header', message: expect.stringMatching(/only the last/) },
    ])
  })

  it('tells of records that cannot lie where they claim', async () => {
    const archive = await open(
      makeZip([member('a', 'abc', { lie: { size: 5e8, compressedSize: 5e8 } })], { zip64: true }),
    )
    expect(archive.findings).toMatchObject([{ rule: 'file/truncated', subject: 'x.pt', evidence: { record: 'a' } }])
  })

  it('without checksums is not called damaged', async () => {
    const archive = await open(makeZip([member('a', 'abc', { lie: { crc32: 0 } }), member('b', '', {})]))
    expect(await checkCrc(archive, archive.entries[0] as never)).toBeUndefined()
    expect(await checkCrc(archive, archive.entries[1] as never)).toEqual({ isSame: true })
  })

  it('whose end record claims the impossible is refused, or salvaged when its records are there', async () => {
    const sound = makeZip([member('a', 'abc')])
    const view = new DataView(sound.buffer)
    view.setUint32(sound.length - 6, 0xfffffff0, true)
    expect(await open(sound)).toMatchObject({
      torn: { reason: 'its directory is damaged', isWhole: true },
      entries: [{ name: 'a' }],
    })
    const empty = makeZip([])
    new DataView(empty.buffer).setUint16(10, 65535, true)
    await expect(open(empty)).rejects.toMatchObject({ code: 'file/bad-header' })
  })

  it('that is none is refused', async () => {
    for (const bytes of [
      new Uint8Array(0),
      text('PK'),
      text('PK\x03\x04'),
      new Uint8Array(1000),
      text('<html>'.repeat(20)),
    ]) {
      await expect(open(bytes)).rejects.toMatchObject({ code: 'file/truncated' })
    }
  })

  it('stops checking when it is told to', async () => {
    const archive = await openZip(golden('damaged-healthy-zip/data/model.pt'))
    const record = archive.entries[4] as never
    await expect(checkCrc(archive, record, AbortSignal.abort())).rejects.toMatchObject({ code: 'cancelled' })
    const seen: number[] = []
    await checkCrc(archive, record, undefined, (bytes) => seen.push(bytes))
    expect(seen).toEqual([131072])
  })
})
