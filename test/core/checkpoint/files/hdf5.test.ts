import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { memorySource } from '../../../../src/core/bytes/source'
import { readHdf5File } from '../../../../src/core/checkpoint/files/hdf5'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { readAll, readBlocks, sha256Of } from '../../../../src/core/checkpoint/values'
import { AssayError } from '../../../../src/core/errors'
import { verify } from '../../../../src/core/verify/verify'
import { casesLike, goldenPath, truthOf } from '../../../golden/cases'

const cases = [...casesLike('hdf5-'), ...casesLike('keras-')]
const forms = new Uint8Array(readFileSync(goldenPath('hdf5-forms')))
const symbols = new Uint8Array(readFileSync(goldenPath('hdf5-symbols')))
const open = (bytes: Uint8Array) => readHdf5File(memorySource('m.h5', bytes), 'm.h5', 'weights')
const ALL_TYPES = ['<f2', '<f4', '>f4', '<f8', 'i1', '<i2', '>i4', '<i8', 'u1', '<u2', '<u4', '<u8', '<c8', '<c16']

/** The file with the first `from` behind `after` replaced. */
function patched(bytes: Uint8Array, after: string, from: number[], to: number[]): Uint8Array {
  const buffer = Buffer.from(bytes)
  const at = buffer.indexOf(Buffer.from(from), buffer.indexOf(after))
  expect(at).toBeGreaterThan(0)
  buffer.set(to, at)
  return buffer
}

describe('an HDF5 file', () => {
  it.each(cases)('%s has the datasets that h5py reads, bit for bit', async (name) => {
    const checkpoint = await openCheckpoint(goldenPath(name))
    const { tensors } = truthOf(name)
    expect(tensors.length).toBeGreaterThan(3)
    for (const { name: path, dtype, shape, sha256 } of tensors) {
      const tensor = checkpoint.tensors.find((each) => each.name === path)
      expect(tensor, path).toMatchObject({ dtype, shape })
      if (tensor) expect([path, await sha256Of(tensor)]).toEqual([path, sha256])
    }
    checkpoint.close()
  })

  it('lists nothing that h5py does not list', async () => {
    for (const name of cases.filter((each) => each !== 'hdf5-forms')) {
      const checkpoint = await openCheckpoint(goldenPath(name))
      const names = truthOf(name).tensors.map((tensor) => tensor.name)
      expect(checkpoint.tensors.map((tensor) => tensor.name).sort()).toEqual(names.sort())
      expect(checkpoint.findings).toEqual([])
      checkpoint.close()
    }
  })

  it('reads compressed chunks in any blocks', async () => {
    const { tensors } = await open(forms)
    for (const tensor of tensors.filter(({ name }) => /layouts/.test(name))) {
      const parts: number[] = []
      for await (const block of readBlocks(tensor, { blockBytes: 120 })) parts.push(...block)
      expect(Uint8Array.from(parts)).toEqual(await readAll(tensor, 1 << 20))
    }
  })

  it('follows no link out of its objects, and says so', async () => {
    const { findings, tensors } = await open(forms)
    expect(tensors.map(({ name }) => name)).toEqual(expect.arrayContaining(['committed', 'hard']))
    expect(findings).toContainEqual(
      expect.objectContaining({ severity: 'warning', message: expect.stringMatching(/out is a link to another file/) }),
    )
    expect(findings).toContainEqual(
      expect.objectContaining({ severity: 'info', message: expect.stringMatching(/soft is a link to another name/) }),
    )
  })

  it('names what it does not decode', async () => {
    const { findings, tensors } = await open(forms)
    expect(tensors.find(({ name }) => name === 'unread/lzf')).toMatchObject({ shape: [40, 4], blocks: [] })
    const messages = findings.map(({ message }) => message).join('\n')
    expect(messages).toMatch(/unread\/lzf lie compressed with LZF, which Assay does not read/)
    expect(messages).toMatch(/others\/records holds records, which Assay does not read as numbers/)
    expect(messages).toMatch(/others\/text holds texts/)
  })

  it('names every type of h5py by its dtype', async () => {
    const { tensors } = await open(forms)
    const big = tensors.find(({ name }) => name === 'types/>i4')
    expect(big?.blocks[0]).toMatchObject({ bigEndian: true })
    expect(tensors.filter(({ name }) => ALL_TYPES.includes(name.slice('types/'.length)))).toHaveLength(ALL_TYPES.length)
  })
})

describe('a model of Keras', () => {
  it.each(['keras-h5', 'keras-archive'])('%s tells its config and its optimizer', async (name) => {
    const checkpoint = await openCheckpoint(goldenPath(name))
    expect(checkpoint.layoutLabel).toBe('Keras model')
    expect(checkpoint.config).toMatchObject({ model_config: { class_name: 'Sequential' } })
    const optimizer = checkpoint.tensors.filter(({ component }) => component === 'optimizer')
    expect(optimizer).toHaveLength(14)
    const { verdict, components } = await verify(checkpoint, { kernel: referenceKernel })
    expect(verdict).toBe('partial')
    for (const { id, status } of components) expect([id, status]).toEqual([id, truthOf(name).expect.components[id]])
    checkpoint.close()
  })

  it('of weights alone loads, and there is nothing to resume from', async () => {
    const checkpoint = await openCheckpoint(goldenPath('keras-half'))
    const { verdict, resume } = await verify(checkpoint, { kernel: referenceKernel })
    expect(verdict).toBe('partial')
    expect(resume).toMatchObject({ level: 'weights-only', why: [expect.stringMatching(/weights alone/)] })
    checkpoint.close()
  })
})

describe('a damaged HDF5 file', () => {
  it('that was cut off says so, and keeps what is whole', async () => {
    const { findings, tensors } = await open(symbols.subarray(0, symbols.length - 2000))
    expect(findings).toContainEqual(expect.objectContaining({ rule: 'file/truncated' }))
    expect(tensors.length).toBeGreaterThan(0)
    await expect(open(forms.subarray(0, 60))).rejects.toMatchObject({ code: expect.stringMatching(/^file\//) })
  })

  it('refuses a tree that leads back into itself', async () => {
    const bytes = Buffer.from(symbols)
    const tree = bytes.indexOf('TREE')
    // A node of level 1 whose first child is the node itself.
    bytes[tree + 5] = 1
    bytes.writeBigUInt64LE(BigInt(tree - 512), tree + 8 + 16 + 8)
    const error = await open(bytes).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(AssayError)
    expect((error as AssayError).message).toMatch(/reached twice|lies below one of level/)
  })

  it('refuses an object header that goes on in itself', async () => {
    const header = Buffer.alloc(200)
    header.set([0x89, 0x48, 0x44, 0x46, 0x0d, 0x0a, 0x1a, 0x0a, 2, 8, 8, 0])
    header.fill(0xff, 20, 28)
    header.writeBigUInt64LE(200n, 28)
    header.writeBigUInt64LE(48n, 36)
    header.write('OHDR', 48)
    header[52] = 2
    header[54] = 20
    // Chunk 0 of 20 bytes: a continuation message, which leads to a block that continues in itself.
    header.set([0x10, 16, 0, 0], 55)
    header.writeBigUInt64LE(100n, 59)
    header.writeBigUInt64LE(28n, 67)
    header.write('OCHK', 100)
    header.set([0x10, 16, 0, 0], 104)
    header.writeBigUInt64LE(100n, 108)
    header.writeBigUInt64LE(28n, 116)
    await expect(open(header)).rejects.toMatchObject({ message: expect.stringMatching(/reached twice/) })
  })

  it('lists a dataset of a shape beyond all measure as damage', async () => {
    // The extents of types/<f4 in its dataspace message, [3, 5].
    const bytes = patched(forms, 'SNOD', [3, 0, 0, 0, 0, 0, 0, 0, 5], [3, 0, 0, 0, 0, 0, 0x10, 0, 5])
    const { findings } = await open(bytes)
    expect(findings).toContainEqual(
      expect.objectContaining({ rule: 'file/bad-header', message: expect.stringMatching(/measure|needs/) }),
    )
  })

  it('throws nothing but coded errors, whatever is done to its bytes', { timeout: 60_000 }, async () => {
    const files = cases
      .map((name) => new Uint8Array(readFileSync(goldenPath(name))))
      .filter(([first]) => first !== 0x50)
    const damage = fc.record({
      file: fc.nat(files.length - 1),
      places: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 20 }),
      keep: fc.double({ min: 0.2, max: 1, noNaN: true }),
    })
    await fc.assert(
      fc.asyncProperty(damage, async ({ file, places, keep }) => {
        const whole = files[file] as Uint8Array
        const bytes = whole.slice(0, Math.ceil(whole.length * keep))
        for (const [place, value] of places) bytes[Math.floor(place * (bytes.length - 1))] = value
        try {
          for (const tensor of (await open(bytes)).tensors) await readAll(tensor, 1 << 20)
        } catch (error) {
          if (!(error instanceof AssayError)) throw error
        }
      }),
      { numRuns: 300 },
    )
  })
})
