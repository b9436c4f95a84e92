import { cpSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { afterEach, describe, expect, it, vi } from 'vitest'
import * as fileSink from '../../../src/core/bytes/file-sink'
import { type ExportOptions, exportWeights, planExport } from '../../../src/core/repair/export'
import { damage, partialIn, pattern } from '../bytes/scratch'
import { byName, digests, golden, opened, scratch, snapshot, truthOf } from './cases'

vi.mock(import('../../../src/core/bytes/file-sink'), async (original) => ({ ...(await original()) }))
afterEach(() => vi.restoreAllMocks())

async function exported(source: string, options: Partial<ExportOptions> = {}, out = join(scratch(), 'out')) {
  return exportWeights(await opened(source), out, { format: 'safetensors', ...options })
}

describe('an export', () => {
  it('writes the weights of a checkpoint, the config and the tokenizer that they are loaded by and nothing else', async () => {
    const source = golden('seed-style/data')
    const before = snapshot(source)
    const result = await exported(source)
    const weights = (await opened(source)).tensors.filter(({ component }) => component === 'weights')
    expect(readdirSync(result.out).sort()).toEqual(['config.json', 'model.safetensors', 'tokenizer.json'])
    const config = readFileSync(join(source, 'config.json'))
    for (const name of ['config.json', 'tokenizer.json'])
      expect(readFileSync(join(result.out, name))).toEqual(readFileSync(join(source, name)))
    expect(await digests(await opened(result.out))).toEqual(await digests({ tensors: weights }))
    expect(result).toMatchObject({ tensors: weights.length, left: [] })
    expect(result.files[1]).toEqual({ path: 'config.json', bytes: config.length })
    expect(snapshot(source)).toEqual(before)
  })

  it('keeps a tensor under the empty name, beside one that is called like nothing', async () => {
    const folder = join(scratch(), 'nameless')
    cpSync(golden('damaged-healthy-st/data'), folder, { recursive: true })
    const file = join(folder, 'model.safetensors')
    const bytes = readFileSync(file)
    // Two names of one length for another two, in the header's own bytes.
    const header = bytes.toString('latin1', 8, 8 + Number(bytes.readBigUInt64LE(0)))
    const renamed = header.replace('"fc1.bias"', '""        ').replace('"fc2.weight"', '"tensor"    ')
    bytes.write(renamed, 8, 'latin1')
    writeFileSync(file, bytes)
    const before = await digests(await opened(folder))
    for (const format of ['torch', 'safetensors'] as const) {
      const { out } = await exported(folder, { format })
      expect(await digests(await opened(out))).toEqual(before)
      const again = await exported(out, { format: 'safetensors' })
      expect(await digests(await opened(again.out))).toEqual(before)
    }
    expect((await opened(folder)).tensors.map(({ name }) => name)).toEqual(expect.arrayContaining(['', 'tensor']))
  })

  it.each([
    ['safetensors', ['model.safetensors', 'model_1.safetensors']],
    ['torch', ['pytorch_model.bin', 'pytorch_model_1.bin']],
  ] as const)('gives each model of an Accelerate folder a file of its own as %s', async (format, names) => {
    for (const source of ['accelerate-plain', 'accelerate-plain-bin']) {
      const path = golden(`${source}/data/checkpoints/checkpoint_2`)
      const { out } = await exported(path, { format })
      expect(readdirSync(out).sort()).toEqual(names)
      const weights = (await opened(path)).tensors.filter(({ component }) => component === 'weights')
      const whole = await Promise.all(names.map(async (name) => (await opened(join(out, name))).tensors))
      expect(await digests({ tensors: whole.flat() })).toEqual(await digests({ tensors: weights }))
    }
  })

  it('writes what is tied in an Accelerate folder once as safetensors, as its load_state wants it', async () => {
    const source = await opened(golden('torch-zoo-tied/data/model.pt'))
    const folder = { ...source, layout: 'accelerate' as const }
    const once = await exportWeights(folder, join(scratch(), 'out'), { format: 'safetensors' })
    expect(once.dropped).toEqual(['lm_head.weight'])
    expect((await opened(once.out)).tensors).toHaveLength(source.tensors.length - 1)
    const [torch, untied, alone] = [
      await exportWeights(folder, join(scratch(), 'out'), { format: 'torch' }),
      await exportWeights(folder, join(scratch(), 'out'), { format: 'safetensors', untie: true }),
      await exportWeights(source, join(scratch(), 'out'), { format: 'safetensors' }),
    ]
    expect([torch, untied, alone].map(({ tensors }) => tensors)).toEqual(
      [torch, untied, alone].map(() => source.tensors.length),
    )
  })

  it('says in the config to which dtype the weights were rounded', async () => {
    const { out } = await exported(golden('seed-style/data'), { dtype: 'bfloat16' })
    expect(JSON.parse(readFileSync(join(out, 'config.json'), 'utf8'))).toEqual({
      ...JSON.parse(readFileSync(join(golden('seed-style/data'), 'config.json'), 'utf8')),
      torch_dtype: 'bfloat16',
    })
  })

  it('puts no config of the whole model beside a part of it', async () => {
    const { out } = await exported(golden('seed-style/data'), { drop: ['*bias'] })
    expect(readdirSync(out)).toEqual(['model.safetensors'])
  })

  it('says which file beside the weights is damaged where it is', async () => {
    const source = join(scratch(), 'source')
    cpSync(golden('trainer-gpt2/data/checkpoint-20'), source, { recursive: true })
    truncateSync(join(source, 'tokenizer.json'), 300)
    const options = { format: 'safetensors' } as const
    const { warnings, files } = await planExport(await opened(source), join(scratch(), 'out'), options)
    expect(files).toContainEqual({ path: 'tokenizer.json', bytes: 300 })
    expect(warnings).toEqual([{ name: 'tokenizer.json', why: expect.stringMatching(/JSON/) }])
    expect(await exported(source)).toMatchObject({ warnings, files: expect.arrayContaining(files) })
  })

  it('writes an adapter under the name of an adapter', async () => {
    const path = golden('trainer-lora/data/checkpoint-10')
    const { out, tensors } = await exported(path)
    expect(readdirSync(out).sort()).toEqual([
      ...['adapter_config.json', 'adapter_model.safetensors', 'tokenizer.json', 'tokenizer_config.json'],
    ])
    expect(tensors).toBeGreaterThan(0)
  })

  it('writes shards and their index', async () => {
    const source = golden('sharded/data')
    const { out, files, bytes } = await exported(source, { maxShardSize: 30_000 })
    const names = readdirSync(out).sort()
    expect(files.map(({ path }) => path).sort()).toEqual(names)
    expect(names).toContain('model-00001-of-00004.safetensors')
    const index = JSON.parse(readFileSync(join(out, 'model.safetensors.index.json'), 'utf8'))
    expect(index.metadata.total_size).toBe(bytes)
    expect(await digests(await opened(out))).toEqual(await digests(await opened(source)))
  })

  it('writes one file where the target is called like one, and refuses to put several there', async () => {
    const folder = scratch()
    const one = await exported(golden('sharded/data'), {}, join(folder, 'whole.safetensors'))
    expect(one.files).toEqual([{ path: 'whole.safetensors', bytes: readFileSync(one.out).length }])
    const several = exported(golden('sharded/data'), { maxShardSize: 30_000 }, join(folder, 'many.safetensors'))
    await expect(several).rejects.toMatchObject({ code: 'usage' })
    expect(readdirSync(folder)).toEqual(['whole.safetensors'])
  })

  it('rounds floating tensors and leaves the others alone', async () => {
    const { out } = await exported(golden('torch-zoo-metadata/data/model.pt'), { dtype: 'bfloat16' })
    const { tensors } = await opened(out)
    expect(new Set(tensors.map(({ dtype }) => dtype))).toEqual(new Set(['bfloat16', 'int64']))
  })

  it('lists what it had to leave out, and why', async () => {
    const complex = await exported(golden('torch-zoo-dtypes/data/model.pt'), { partial: true })
    expect(complex.left.map(({ why }) => why)).toContain('safetensors has no complex128')
  })

  it('writes what is whole of a file that was cut off', async () => {
    const { out, left } = await exported(golden('damaged-st-cut-middle/data/model.safetensors'), { partial: true })
    expect(left.length).toBeGreaterThan(0)
    for (const { why } of left) expect(why).toBe('its file ends before its values do')
    const truth = byName(truthOf('damaged-healthy-st').tensors)
    const whole = truth.filter(({ name }) => left.every((each) => each.name !== name))
    expect(await digests(await opened(out))).toEqual(whole)
  })
})

describe('an export of damaged weights', () => {
  it('leaves out what differs from its checksum', async () => {
    const path = golden('damaged-zip-bitflip/data/model.pt')
    const { left, tensors } = await exported(path, { partial: true })
    expect(left).toEqual([{ name: expect.any(String), why: expect.stringContaining('differs from the checksum') }])
    expect(tensors).toBe((await opened(path)).tensors.length - 1)
  })

  it('names the tensors of a shard that is not there', async () => {
    const path = golden('sharded-missing-shard/data')
    const { left } = await exported(path, { partial: true })
    const index = JSON.parse(readFileSync(join(path, 'model.safetensors.index.json'), 'utf8'))
    const held = new Set((await opened(path)).tensors.map(({ name }) => name))
    const absent = Object.keys(index.weight_map).filter((name) => !held.has(name))
    expect(absent.length).toBeGreaterThan(0)
    expect(left.map(({ name }) => name).sort()).toEqual(absent.sort())
    for (const { why } of left) expect(why).toContain('is not here')
  })

  it.each(['damaged-zip-bitflip/data/model.pt', 'sharded-missing-shard/data'])(
    'writes nothing of %s unless a part is enough',
    async (source) => {
      const folder = scratch()
      const refused = exported(golden(source), {}, join(folder, 'out'))
      await expect(refused).rejects.toMatchObject({
        code: 'target/incomplete',
        hint: expect.stringContaining('partial export'),
      })
      expect(readdirSync(folder)).toEqual([])
    },
  )

  it.each([
    ['flattened/data/checkpoint', 'one dimension'],
    ['rank-shard/data', "one rank's part"],
    ['zero-size/data/checkpoint', 'placeholder'],
  ])('warns of what a repair should see first: %s', async (source, words) => {
    const { left, warnings } = await exported(golden(source))
    expect(left).toEqual([])
    expect(warnings.map(({ why }) => why)).toContainEqual(expect.stringContaining(words))
    for (const { why } of warnings) expect(why).toContain('repair first')
    expect((await exported(golden('seed-style/data'))).warnings).toEqual([])
  })
})

describe('an export that cannot be', () => {
  const source = golden('seed-style/data')

  it.each([
    ['a file without weights', golden('torch-zoo-empty/data/model.pt'), {}, 'weights/missing'],
    [
      'quantized weights, whose scales would be lost',
      golden('torch-zoo-quantized/data/model.pt'),
      {},
      'weights/missing',
    ],
    ['a dtype that is none', source, { dtype: 'float12' }, 'usage'],
  ])('is refused: %s', async (_, path, options, code) => {
    const folder = scratch()
    await expect(exported(path, options, join(folder, 'out'))).rejects.toMatchObject({ code })
    expect(readdirSync(folder)).toEqual([])
  })

  it('does not touch what is at its target', async () => {
    const folder = scratch()
    writeFileSync(join(folder, 'model.safetensors'), 'mine')
    await expect(exported(source, {}, folder)).rejects.toMatchObject({ code: 'target/exists' })
    await expect(exported(source, {}, join(folder, 'model.safetensors'))).rejects.toMatchObject({
      code: 'target/exists',
    })
    expect(readFileSync(join(folder, 'model.safetensors'), 'utf8')).toBe('mine')
    expect(readdirSync(folder)).toEqual(['model.safetensors'])
  })

  it('leaves nothing behind when it is cancelled, at any point', async () => {
    for (const share of [0, 0.4, 0.6, 0.95]) {
      const folder = scratch()
      const abort = new AbortController()
      const onProgress = (done: number, total: number) => done >= total * share && abort.abort()
      const cancelled = exported(source, { signal: abort.signal, onProgress }, join(folder, 'out'))
      await expect(cancelled).rejects.toMatchObject({ code: 'cancelled' })
      expect(readdirSync(folder)).toEqual([])
    }
  })

  it('needs room, and a folder it may write to', async () => {
    const folder = scratch()
    await expect(exported(source, {}, join(folder, 'not', 'there'))).rejects.toMatchObject({
      code: 'target/unwritable',
    })
    vi.spyOn(fileSink, 'freeBytes').mockReturnValue(100)
    await expect(exported(source, {}, join(folder, 'out'))).rejects.toMatchObject({ code: 'target/no-space' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('names the tensor that does not read back as it was copied', async () => {
    const folder = scratch()
    const source = join(folder, 'source.safetensors')
    const header = Buffer.from('{"w":{"dtype":"F32","shape":[1000000],"data_offsets":[0,4000000]}}')
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(header.length))
    writeFileSync(source, Buffer.concat([length, header, pattern(4_000_000)]))
    const { createFileSink } = fileSink
    let blocks = 0
    vi.spyOn(fileSink, 'createFileSink').mockImplementation(async (path) => {
      const sink = await createFileSink(path)
      const copy = sink.copy?.bind(sink)
      sink.copy = async (from, offset, length) =>
        copy?.(from, offset, length, () => {
          if (blocks++ === 1) damage(partialIn(dirname(path)), 1000)
        })
      return sink
    })
    await expect(exported(source, {}, join(folder, 'out'))).rejects.toMatchObject({
      code: 'target/mismatch',
      message: expect.stringContaining('the values of w differ'),
    })
    expect(readdirSync(folder)).toEqual(['source.safetensors'])
  })

  it('tells how far it is, up to the end', async () => {
    const seen: [number, number][] = []
    await exported(source, { onProgress: (done, total) => seen.push([done, total]) })
    const [done, total] = seen.at(-1) ?? []
    expect(done).toBe(total)
    expect(seen.every(([at], i) => at >= (seen[i - 1]?.[0] ?? 0))).toBe(true)
  })
})
