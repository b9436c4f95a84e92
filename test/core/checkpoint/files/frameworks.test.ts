import { copyFileSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { Neighbours } from '../../../../src/core/bytes/neighbours'
import { memorySource } from '../../../../src/core/bytes/source'
import { readFlaxFile } from '../../../../src/core/checkpoint/files/flax'
import { readOnnxFile } from '../../../../src/core/checkpoint/files/onnx'
import { readBundleFile } from '../../../../src/core/checkpoint/files/tensor-bundle'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { readAll, sha256Of } from '../../../../src/core/checkpoint/values'
import { unsnap } from '../../../../src/core/decode/snappy'
import { AssayError } from '../../../../src/core/errors'
import { verify } from '../../../../src/core/verify/verify'
import { casesLike, goldenPath, truthOf } from '../../../golden/cases'

const folder = mkdtempSync(join(tmpdir(), 'frameworks-'))
afterAll(() => rmSync(folder, { recursive: true }))

const cases = [...casesLike('onnx-'), ...casesLike('flax-'), ...casesLike('tf-')]
const alone = new Neighbours(undefined)
const bytesOf = (path: string) => new Uint8Array(readFileSync(path))
const onnx = (bytes: Uint8Array) => readOnnxFile(memorySource('m.onnx', bytes), 'm.onnx', 'weights', alone)
const flax = (bytes: Uint8Array) => readFlaxFile(memorySource('m.msgpack', bytes), 'm.msgpack', 'weights')
const bundle = (bytes: Uint8Array) => readBundleFile(memorySource('ck-1.index', bytes), 'ck-1.index', 'weights', alone)

describe('a checkpoint of another framework', () => {
  it.each(cases)('%s has the tensors that its library reads, bit for bit', async (name) => {
    const checkpoint = await openCheckpoint(goldenPath(name))
    const { tensors } = truthOf(name)
    expect(tensors.length).toBeGreaterThan(3)
    expect(checkpoint.tensors.map((tensor) => tensor.name).sort()).toEqual(tensors.map((tensor) => tensor.name).sort())
    for (const { name: path, dtype, shape, sha256 } of tensors) {
      const tensor = checkpoint.tensors.find((each) => each.name === path)
      expect(tensor, path).toMatchObject({ dtype, shape })
      if (tensor) expect([path, await sha256Of(tensor)]).toEqual([path, sha256])
    }
    checkpoint.close()
  })

  it.each(cases)('%s is weighed as the parts in it ask', async (name) => {
    const checkpoint = await openCheckpoint(goldenPath(name))
    const { verdict, resume, components } = await verify(checkpoint, { kernel: referenceKernel })
    const { expect: truth } = truthOf(name)
    expect(verdict).toBe(truth.verdict)
    expect(checkpoint.state.step ?? null).toBe(truth.step)
    for (const { id, status } of components) expect([id, status]).toEqual([id, truth.components[id]])
    if (truth.components.optimizer === 'missing') expect(resume.why.join()).toMatch(/weights alone/)
    checkpoint.close()
  })
})

describe('an ONNX model', () => {
  it('says who wrote it and for which operators', async () => {
    const checkpoint = await openCheckpoint(goldenPath('onnx-raw'))
    expect(checkpoint.layoutLabel).toBe('ONNX model')
    expect(checkpoint.config).toMatchObject({ producer_name: 'assay-golden', opset_import: { 'ai.onnx': 17 } })
    checkpoint.close()
  })

  it('misses the file that it keeps values in', async () => {
    copyFileSync(goldenPath('onnx-external'), join(folder, 'model.onnx'))
    const checkpoint = await openCheckpoint(join(folder, 'model.onnx'))
    expect(checkpoint.tensors.length).toBe(truthOf('onnx-external').tensors.length)
    expect(checkpoint.findings).toMatchObject([{ rule: 'weights/missing-shard', subject: 'model.onnx.data' }])
    checkpoint.close()
  })

  it('opens nothing outside of its folder', async () => {
    const text = readFileSync(goldenPath('onnx-external'), 'latin1')
    writeFileSync(join(folder, 'escape.onnx'), text.replaceAll('model.onnx.data', '../onnx.data.xx'), 'latin1')
    const checkpoint = await openCheckpoint(join(folder, 'escape.onnx'))
    expect(checkpoint.findings).toMatchObject([{ rule: 'file/path-escape', subject: '../onnx.data.xx' }])
    checkpoint.close()
  })

  it('that was cut off keeps what is whole', async () => {
    const bytes = bytesOf(goldenPath('onnx-raw'))
    const { findings, tensors } = await onnx(bytes.subarray(0, bytes.length - 100))
    expect(tensors.length).toBeGreaterThan(3)
    expect(findings).toContainEqual(expect.objectContaining({ rule: 'file/truncated' }))
  })

  it('refuses shapes and lengths that lie', async () => {
    // graph { initializer { dims 2^62, data_type 1, name "w", raw_data 4 bytes } }
    const tensor = [0x08, ...Array(8).fill(0x80), 0x40, 0x10, 1, 0x42, 1, 0x77, 0x4a, 4, 0, 0, 0, 0]
    const graph = [0x2a, tensor.length, ...tensor]
    const { tensors, findings } = await onnx(Uint8Array.from([0x08, 8, 0x3a, graph.length, ...graph]))
    expect(tensors).toEqual([])
    expect(findings).toMatchObject([{ rule: 'file/bad-header', subject: 'w' }])
    await expect(onnx(Uint8Array.from([0x08, 8, 0x3a, 0xff, 0xff, 0xff, 0x7f, 1]))).rejects.toBeInstanceOf(AssayError)
  })
})

describe('a Flax file', () => {
  it('without arrays is a MessagePack file and named so', async () => {
    expect((await flax(Uint8Array.from([0x81, 0xa1, 0x61, 1]))).findings).toMatchObject([
      { rule: 'file/unknown-format', message: expect.stringMatching(/a MessagePack file/) },
    ])
  })

  it('refuses depths and counts beyond what it holds', async () => {
    const deep = Uint8Array.from([...Array(500).fill(0x91), 0xc0])
    await expect(flax(deep)).rejects.toMatchObject({ code: 'file/bad-header' })
    await expect(flax(Uint8Array.from([0xdf, 0xff, 0xff, 0xff, 0xff]))).rejects.toMatchObject({
      code: 'file/bad-header',
    })
    await expect(flax(Uint8Array.from([0x81, 0xa1, 0x61, 0xc9, 0xff, 0xff, 0xff, 0xff, 1]))).rejects.toBeInstanceOf(
      AssayError,
    )
  })
})

describe('a TensorFlow checkpoint', () => {
  it('is opened by its folder and by its index', async () => {
    for (const path of [goldenPath('tf-bundle'), goldenPath('tf-bundle', 'data/ck-1.index')]) {
      const checkpoint = await openCheckpoint(path)
      expect(checkpoint.layoutLabel).toBe('TensorFlow checkpoint')
      expect(checkpoint.tensors).toHaveLength(truthOf('tf-bundle').tensors.length)
      checkpoint.close()
    }
  })

  it('misses its data file', async () => {
    copyFileSync(goldenPath('tf-bundle', 'data/ck-1.index'), join(folder, 'ck-1.index'))
    const checkpoint = await openCheckpoint(join(folder, 'ck-1.index'))
    expect(checkpoint.findings).toContainEqual(
      expect.objectContaining({ rule: 'weights/missing-shard', subject: 'ck-1.data-00000-of-00001' }),
    )
    checkpoint.close()
  })

  it('with a data file cut off says which tensors are lost', async () => {
    const copy = join(folder, 'cut')
    cpSync(goldenPath('tf-bundle'), copy, { recursive: true })
    writeFileSync(
      join(copy, 'ck-1.data-00000-of-00001'),
      bytesOf(join(copy, 'ck-1.data-00000-of-00001')).subarray(0, 600),
    )
    const checkpoint = await openCheckpoint(copy)
    expect(checkpoint.findings).toContainEqual(expect.objectContaining({ rule: 'file/truncated' }))
    checkpoint.close()
  })

  it('reads blocks of Snappy, and refuses those that lie', () => {
    // "abcdabcdabcd" as a literal of four and a copy of eight that overlaps itself.
    const block = Uint8Array.from([12, 0x0c, 0x61, 0x62, 0x63, 0x64, 0x11, 4])
    expect(Buffer.from(unsnap(block, 100, 'x')).toString()).toBe('abcdabcdabcd')
    expect(() => unsnap(block, 11, 'x')).toThrow(/grows to 12/)
    expect(() => unsnap(block.subarray(0, 7), 100, 'x')).toThrow(/ends early/)
    expect(() => unsnap(Uint8Array.from([4, 0x01, 1]), 100, 'x')).toThrow(/not there/)
  })
})

it('throws nothing but coded errors, whatever is done to the bytes', { timeout: 60_000 }, async () => {
  const files = [
    ...casesLike('onnx-').map((name) => ({ open: onnx, bytes: bytesOf(goldenPath(name)) })),
    ...casesLike('flax-').map((name) => ({ open: flax, bytes: bytesOf(goldenPath(name)) })),
    { open: bundle, bytes: bytesOf(goldenPath('tf-bundle', 'data/ck-1.index')) },
  ]
  const damage = fc.record({
    file: fc.nat(files.length - 1),
    places: fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255)), { maxLength: 10 }),
    keep: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  await fc.assert(
    fc.asyncProperty(damage, async ({ file, places, keep }) => {
      const { open, bytes: whole } = files[file] as (typeof files)[number]
      const bytes = whole.slice(0, Math.ceil(whole.length * keep))
      for (const [place, value] of places) bytes[Math.floor(place * (bytes.length - 1))] = value
      try {
        for (const tensor of (await open(bytes)).tensors) await readAll(tensor, 1 << 20)
      } catch (error) {
        if (!(error instanceof AssayError)) throw error
      }
    }),
    { numRuns: 600 },
  )
})
