import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { memorySource } from '../../../../src/core/bytes/source'
import { readGgufFile } from '../../../../src/core/checkpoint/files/gguf'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import { readAll, readBlocks, sha256Of } from '../../../../src/core/checkpoint/values'
import { AssayError } from '../../../../src/core/errors'
import { verify } from '../../../../src/core/verify/verify'
import { casesLike, goldenPath, type TrueTensor, truthOf } from '../../../golden/cases'

type Stored = TrueTensor & { readonly encoding?: string }

/** A GGUF file by hand: version 3, little endian, the header's fields one by one. */
class Gguf {
  private readonly parts: number[] = [0x47, 0x47, 0x55, 0x46]
  u32(...values: number[]): this {
    for (const value of values) this.parts.push(...new Uint8Array(new Uint32Array([value]).buffer))
    return this
  }
  u64(...values: number[]): this {
    for (const value of values) this.parts.push(...new Uint8Array(new BigUint64Array([BigInt(value)]).buffer))
    return this
  }
  text(text: string): this {
    this.u64(text.length).parts.push(...Buffer.from(text))
    return this
  }
  get bytes(): Uint8Array {
    return Uint8Array.from(this.parts)
  }
}

const open = (bytes: Uint8Array) => readGgufFile(memorySource('m.gguf', bytes), 'm.gguf', 'weights')
const failure = async (bytes: Uint8Array) =>
  open(bytes).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a GGUF file', () => {
  it.each(casesLike('gguf-').filter((name) => name !== 'gguf-cut'))(
    '%s has the tensors that gguf-py wrote, bit for bit once decoded',
    async (name) => {
      const checkpoint = await openCheckpoint(goldenPath(name))
      for (const { name: tensorName, dtype, shape, sha256, encoding } of truthOf(name).tensors as Stored[]) {
        const tensor = checkpoint.tensors.find((each) => each.name === tensorName)
        expect(tensor).toMatchObject({ dtype, shape, ...(encoding && { storedAs: encoding }) })
        if (tensor) expect([tensorName, await sha256Of(tensor)]).toEqual([tensorName, sha256])
      }
      checkpoint.close()
    },
  )

  it('reads quantised values in any blocks, from any place', async () => {
    const checkpoint = await openCheckpoint(goldenPath('gguf-types'))
    for (const tensor of checkpoint.tensors.filter(({ storedAs, blocks }) => storedAs && blocks.length > 0)) {
      const whole = await readAll(tensor, 1 << 20)
      const parts: number[] = []
      for await (const block of readBlocks(tensor, { blockBytes: 404 })) parts.push(...block)
      expect(Uint8Array.from(parts)).toEqual(whole)
    }
    checkpoint.close()
  })

  it('names a type that is not decoded, and lists its tensor without values', async () => {
    const checkpoint = await openCheckpoint(goldenPath('gguf-types'))
    expect(checkpoint.tensors.find(({ name }) => name === 'IQ2_XS')).toMatchObject({
      storedAs: 'IQ2_XS',
      shape: [2, 256],
      blocks: [],
    })
    expect(checkpoint.findings).toMatchObject([
      { rule: 'file/unknown-format', severity: 'info', evidence: { type: 'IQ2_XS', count: 1 } },
    ])
    checkpoint.close()
  })

  it('counts the bytes that are stored, not those decoded', async () => {
    const checkpoint = await openCheckpoint(goldenPath('gguf-llama'))
    const { tensors } = await verify(checkpoint, { kernel: referenceKernel })
    expect(tensors.bytes).toBe((86_016 / 32) * 34 + 320 * 4)
    expect(tensors.parameters).toBe(86_336)
    checkpoint.close()
  })

  it('shows its metadata as the config, long arrays as what they are', async () => {
    const checkpoint = await openCheckpoint(goldenPath('gguf-llama'))
    expect(checkpoint.config).toMatchObject({
      'general.architecture': 'llama',
      'general.tags': ['one', 'two'],
      'llama.block_count': 2,
      'tokenizer.ggml.add_bos_token': true,
      'tokenizer.ggml.tokens': '96 strings',
      'tokenizer.ggml.scores': '96 32-bit floats',
    })
    expect(checkpoint.components.find(({ id }) => id === 'config')).toMatchObject({ status: 'present' })
    checkpoint.close()
  })

  it('that was cut off tells which tensors are whole', async () => {
    const checkpoint = await openCheckpoint(goldenPath('gguf-cut'))
    const [cut] = checkpoint.findings.filter(({ rule }) => rule === 'file/truncated')
    const whole = truthOf('gguf-llama').tensors.length
    expect(cut?.evidence).toMatchObject({ intact: expect.any(Number), lost: expect.any(Number) })
    expect(Number(cut?.evidence?.intact) + Number(cut?.evidence?.lost)).toBe(whole)
    checkpoint.close()
  })

  it('reads the 32-bit counts of version 1', async () => {
    const file = new Uint8Array(96)
    file.set(new Gguf().u32(1, 1, 0, 1).bytes)
    file.set(new TextEncoder().encode('w'), 20)
    file.set(new Uint8Array(new Uint32Array([1, 2, 0]).buffer), 21)
    new Float32Array(file.buffer, 64, 2).set([1.5, -2])
    const { tensors } = await open(file)
    expect(tensors).toMatchObject([{ name: 'w', dtype: 'float32', shape: [2] }])
    expect([...new Float32Array((await readAll(tensors[0] as never, 8)).buffer)]).toEqual([1.5, -2])
  })

  it.each([
    ['a version that there is not', new Gguf().u32(9).u64(0, 0).bytes],
    ['more tensors than fit into it', new Gguf().u32(3).u64(2 ** 50, 0).bytes],
    ['more metadata than fits into it', new Gguf().u32(3).u64(0, 2 ** 50).bytes],
    [
      'a text longer than it is',
      new Gguf()
        .u32(3)
        .u64(0, 1)
        .text('k')
        .u32(8)
        .u64(2 ** 60)
        .u32(0, 0).bytes,
    ],
    [
      'an array longer than it is',
      new Gguf()
        .u32(3)
        .u64(0, 1)
        .text('k')
        .u32(9, 0)
        .u64(2 ** 60)
        .u32(0, 0).bytes,
    ],
    ['a value of no known type', new Gguf().u32(3).u64(0, 1).text('k').u32(99).u64(0).bytes],
    ['a tensor of 5 dimensions', new Gguf().u32(3).u64(1, 0).text('w').u32(5).u64(1, 1, 1, 1, 1).u32(0).u64(0).bytes],
  ])('with %s is refused with a place', async (_, bytes) => {
    const error = await failure(bytes)
    expect(error).toBeInstanceOf(AssayError)
    expect(error).toMatchObject({ code: 'file/bad-header', file: 'm.gguf', offset: expect.any(Number) })
  })

  it('refuses arrays nested without end', async () => {
    const nested = new Gguf().u32(3).u64(0, 1).text('k').u32(9)
    for (let i = 0; i < 1000; i++) nested.u32(9).u64(1)
    expect(await failure(nested.bytes)).toMatchObject({ code: 'file/bad-header' })
  })

  it('tells of tensors that overlap, are named twice, or lie nowhere, and lists the others', async () => {
    const file = new Gguf().u32(3).u64(5, 0)
    file.text('a').u32(1).u64(8).u32(0).u64(0)
    file.text('b').u32(1).u64(8).u32(0).u64(0)
    file.text('a').u32(1).u64(8).u32(0).u64(32)
    file
      .text('huge')
      .u32(2)
      .u64(2 ** 40, 2 ** 40)
      .u32(0)
      .u64(64)
    file.text('ragged').u32(1).u64(33).u32(8).u64(64)
    const padded = new Uint8Array(512)
    padded.set(file.bytes)
    const { tensors, findings } = await open(padded)
    expect(tensors.map(({ name }) => name)).toEqual(['a', 'b'])
    expect(findings.map(({ rule, subject }) => [rule, subject])).toEqual([
      ['file/bad-header', 'a'],
      ['file/bad-header', 'huge'],
      ['file/bad-header', 'ragged'],
      ['file/overlap', 'b'],
    ])
  })

  it.each([0, 67_108_864])('refuses an extent beyond all measure beside one of 0, in type %i', async (type) => {
    const file = new Gguf()
      .u32(3)
      .u64(1, 0)
      .text('w')
      .u32(2)
      .u64(0, 2 ** 60)
      .u32(type)
      .u64(0)
    const { tensors, findings } = await open(file.bytes)
    expect(tensors).toEqual([])
    expect(findings).toMatchObject([{ rule: 'file/bad-header', subject: 'w' }])
  })

  it('with bytes changed anywhere in its header opens or fails with a code', async () => {
    const golden = readFileSync(goldenPath('gguf-types')).subarray(0, 4096)
    const change = fc.record({ at: fc.nat(1800), value: fc.nat(255) })
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 8 }), fc.nat(4096), async (changes, cut) => {
        const bytes = Uint8Array.from(golden.subarray(0, Math.max(cut, 8)))
        for (const { at, value } of changes) if (at >= 4 && at < bytes.length) bytes[at] = value
        const result = await open(bytes).catch((error: unknown) => error)
        if (result instanceof Error) expect(result).toBeInstanceOf(AssayError)
      }),
      { numRuns: 500 },
    )
  })
})
