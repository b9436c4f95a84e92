import { copyFileSync, cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { writeFile } from '../../../src/core/repair/target'
import { outputOf } from '../../../src/core/write/output'
import { writeSafetensors } from '../../../src/core/write/safetensors'
import { golden, opened, planned, scratch } from './cases'

describe('the plan for flattened tensors', () => {
  it('takes shapes from a reference, certain where the values are in the same order', async () => {
    const { plan } = await planned(golden('flattened/data/checkpoint'), {
      reference: golden('flattened/data/reference'),
    })
    expect(plan.verdictBefore).toBe('broken')
    expect(
      plan.plan.map(({ step, kind, before, after, confidence }) => [step, kind, before, after, confidence]),
    ).toEqual([
      [1, 'reshape', '[491520]', '[1280, 128, 3]', 'certain'],
      [2, 'reshape', '[128000]', '[100, 1280]', 'certain'],
      [3, 'reshape', '[81920]', '[64, 1280]', 'certain'],
      [4, 'reshape', '[81920]', '[1280, 64]', 'certain'],
    ])
    expect(plan.plan[0]?.evidence).toMatch(/reference has model\.encoder\.conv1\.weight .* first 65536 are the same/)
    expect(plan.unmended).toEqual([])
    expect(plan.files.map(({ path, action }) => [path, action])).toEqual([
      ['model.safetensors', 'write'],
      ['config.json', 'copy'],
    ])
  })

  it('takes shapes from the config where there is no reference', async () => {
    const { plan } = await planned(golden('flattened-whisper/data'))
    expect(plan.plan).toHaveLength(37)
    expect(new Set(plan.plan.map(({ confidence }) => confidence))).toEqual(new Set(['certain']))
  })

  it('asks where only a bias tells one dimension, and takes the shape that is given then', async () => {
    const folder = scratch()
    copyFileSync(golden('flattened/data/checkpoint/model.safetensors'), join(folder, 'model.safetensors'))
    const asking = await planned(folder)
    const step = asking.plan.plan.find(({ subject }) => subject === 'model.encoder.conv1.weight')
    expect(step).toMatchObject({ kind: 'reshape', confidence: 'ask' })
    expect(step?.evidence).toContain('[1280, 384] would be a guess')
    expect(asking.plan.unmended.map(({ subject }) => subject)).toContain('model.encoder.conv1.weight')
    expect(asking.plan.files).toEqual([])

    const told = await planned(folder, { shapes: { 'model.encoder.conv1.weight': [1280, 128, 3] } })
    expect(told.plan.plan[0]).toMatchObject({ after: '[1280, 128, 3]', confidence: 'certain' })
    expect(told.plan.unmended.map(({ subject }) => subject)).not.toContain('model.encoder.conv1.weight')
  })

  it('is not sure of a shape by hand that the config, the reference or a bias contradicts', async () => {
    const name = 'model.encoder.conv1.weight'
    const shapes = { [name]: [1280, 3, 128] }
    const path = golden('flattened/data/checkpoint')
    const stepOf = ({ plan }: Awaited<ReturnType<typeof planned>>) => plan.plan.find(({ subject }) => subject === name)
    expect(stepOf(await planned(path, { shapes }))).toMatchObject({
      confidence: 'likely',
      evidence: expect.stringContaining('config.json gives [1280, 128, 3]'),
    })
    const reference = golden('flattened/data/reference')
    expect(stepOf(await planned(path, { shapes, reference }))?.evidence).toContain('reference has it as [1280, 128, 3]')
    const folder = scratch()
    copyFileSync(join(path, 'model.safetensors'), join(folder, 'model.safetensors'))
    expect(stepOf(await planned(folder, { shapes: { [name]: [640, 768] } }))?.evidence).toContain(
      'one dimension is 1280',
    )
  })

  it('refuses a given shape of another number of values', async () => {
    const { plan } = await planned(golden('flattened/data/checkpoint'), {
      shapes: { 'model.encoder.conv1.weight': [1280, 128, 4] },
    })
    expect(plan.plan[0]).toMatchObject({ kind: 'refuse', confidence: 'refused' })
    expect(plan.plan[0]?.evidence).toBe('It holds 491520 values, and [1280, 128, 4] has 655360')
  })

  it('refuses a shape for a tensor that is not there', async () => {
    const planning = planned(golden('flattened/data/checkpoint'), { shapes: { 'conv1.weight': [1] } })
    await expect(planning).rejects.toMatchObject({ code: 'usage', message: expect.stringContaining('conv1.weight') })
  })

  it('refuses a reference of another model', async () => {
    const planning = planned(golden('flattened/data/checkpoint'), { reference: golden('zero-size/data/checkpoint') })
    await expect(planning).rejects.toMatchObject({ code: 'usage' })
  })

  it('says of which of the two no weight can be read', async () => {
    const [cut, whole] = [golden('damaged-st-cut-header/data'), golden('damaged-healthy-st/data')]
    for (const [path, reference] of [[cut, whole] as const, [whole, cut] as const])
      await expect(planned(path, { reference })).rejects.toThrow(/No weight of .*damaged-st-cut-header.* can be read/)
  })
})

describe('the plan for lost values', () => {
  it('refills placeholders from a reference, and says whose values those are', async () => {
    const { plan } = await planned(golden('zero-size/data/checkpoint'), {
      reference: golden('zero-size/data/reference'),
    })
    expect(plan.plan).toHaveLength(5)
    for (const step of plan.plan) expect(step).toMatchObject({ kind: 'copy-from-reference', confidence: 'likely' })
    expect(plan.plan[0]?.evidence).toContain("reference's values, not those that were trained here")
    expect(plan.unmended).toEqual([])
  })

  it('leaves placeholders unmended without one, and says what would help', async () => {
    const { plan } = await planned(golden('zero-size/data/checkpoint'))
    expect(plan.plan).toEqual([])
    expect(plan.unmended).toHaveLength(5)
    for (const { rule, why } of plan.unmended)
      expect([rule, why]).toEqual(['weights/placeholder', expect.stringContaining('a reference may')])
  })

  it('asks before it takes values from a reference that is another model of the same shapes', async () => {
    const reference = join(scratch(), 'other')
    cpSync(golden('zero-size/data/reference'), reference, { recursive: true })
    const file = join(reference, 'model.safetensors')
    const bytes = readFileSync(file)
    const begin = 8 + Number(bytes.readBigUInt64LE(0))
    // The values in the opposite order: as many, spread as far, and nothing alike.
    const values = new Uint16Array(bytes.buffer.slice(bytes.byteOffset + begin, bytes.byteOffset + bytes.byteLength))
    Buffer.from(values.reverse().buffer).copy(bytes, begin)
    writeFileSync(file, bytes)
    const path = golden('zero-size/data/checkpoint')
    const { plan } = await planned(path, { reference })
    expect(plan.plan.length).toBe(5)
    for (const step of plan.plan) expect(step).toMatchObject({ confidence: 'ask', choices: [{ id: 'other' }] })
    expect(plan.plan[0]?.evidence).toMatch(/nothing alike .* another model/)
    const chosen = await planned(path, { reference, decisions: [{ step: 1, choice: 'other' }] })
    expect(chosen.plan.plan[0]).toMatchObject({ confidence: 'likely', chosen: 'other' })
  })

  it('adds tensors that only the reference has', async () => {
    const { plan } = await planned(golden('frozen-missing/data/checkpoint'), {
      reference: golden('frozen-missing/data/reference'),
    })
    expect(plan.plan.map(({ action }) => action)).toEqual(
      [0, 1, 2, 3].map((i) => `Add vision.${i}.weight from reference`),
    )
  })

  it('does not add a tied tensor that safetensors has dropped', async () => {
    const reference = golden('torch-zoo-tied/data/model.pt')
    const kept = (await opened(reference)).tensors.filter(({ name }) => name !== 'lm_head.weight')
    const path = join(scratch(), 'model.safetensors')
    await writeFile(path, (sink) =>
      writeSafetensors(
        sink,
        kept.map((tensor) => outputOf(tensor)),
        { format: 'pt' },
      ),
    )
    const { plan } = await planned(path, { reference })
    expect(plan.plan).toEqual([])
  })

  it('keeps the first of equal copies', async () => {
    const { plan } = await planned(golden('replicated-buffer/data/checkpoint'))
    expect(plan.plan.map(({ kind, before, after }) => [kind, before, after])).toEqual([
      ['cut', '[4096]', '[32, 32]'],
      ['cut', '[32]', '[8]'],
    ])
  })
})

describe('the plan for one rank of many', () => {
  const file = 'pytorch_model_rank0.bin'

  it('refuses every reshape and says that the files beside it would help', async () => {
    const { plan } = await planned(golden(`rank-shard/data/${file}`))
    expect(plan.plan.length).toBeGreaterThan(0)
    for (const step of plan.plan) expect(step).toMatchObject({ kind: 'refuse', confidence: 'refused' })
    expect(plan.plan[0]?.evidence).toMatch(/one of 4 equal parts of \[1000, 64\].*files of all ranks are here/)
    expect(plan.files).toEqual([])
    expect(plan.unmended.map(({ subject }) => subject)).toContain('model.embed_tokens.weight')
  })

  it('says that the others are needed where they are not there', async () => {
    const folder = scratch()
    for (const name of [file, 'config.json']) copyFileSync(golden(`rank-shard/data/${name}`), join(folder, name))
    const { plan } = await planned(join(folder, file))
    expect(plan.plan[0]?.evidence).toContain('It takes the files of all 4 ranks')
  })

  it('refuses even a shape given by hand', async () => {
    const { plan } = await planned(golden(`rank-shard/data/${file}`), {
      shapes: { 'model.embed_tokens.weight': [1001, 16] },
    })
    expect(plan.plan.find(({ subject }) => subject === 'model.embed_tokens.weight')).toMatchObject({
      confidence: 'refused',
    })
  })
})

describe('the plan for names and indexes', () => {
  it('says of names that mislead that an export gives others, not that bytes are gone', async () => {
    const { plan } = await planned(golden('hostile-st-ansi-name/data'))
    const whys = plan.unmended.filter(({ rule }) => rule === 'file/odd-name').map(({ why }) => why)
    expect(whys).toHaveLength(2)
    for (const why of whys) expect(why).toContain('an export can give the tensors others')
  })

  it.each([
    ['torch-zoo-compiled', '_orig_mod.'],
    ['torch-zoo-compiled-ddp', 'module._orig_mod.'],
    ['torch-zoo-ema', 'module.'],
  ])('strips the prefix of %s', async (name, prefix) => {
    const { plan } = await planned(golden(`${name}/data/model.pt`))
    expect(plan.plan).toHaveLength(1)
    expect(plan.plan[0]).toMatchObject({
      kind: 'rename',
      confidence: 'certain',
      before: `${prefix}wte.weight`,
      after: 'wte.weight',
    })
    expect(plan.unmended.map(({ rule }) => rule)).not.toContain('weights/wrapper-prefix')
  })

  it('strips a prefix for which the model of the config has no place', async () => {
    const folder = join(scratch(), 'model')
    cpSync(golden('trainer-gpt2/data/checkpoint-20'), folder, { recursive: true })
    const path = join(folder, 'model.safetensors')
    const bytes = readFileSync(path)
    const end = 8 + Number(bytes.readBigUInt64LE(0))
    const text = bytes.subarray(8, end).toString().replaceAll('"transformer.', '"net.transformer.')
    const head = Buffer.alloc(8)
    head.writeBigUInt64LE(BigInt(text.length))
    writeFileSync(path, Buffer.concat([head, Buffer.from(text), bytes.subarray(end)]))
    const { plan, verification } = await planned(folder)
    expect(verification.verdict).toBe('broken')
    const [step] = plan.plan
    expect(step).toMatchObject({ kind: 'rename', confidence: 'certain', before: expect.stringMatching(/^net\./) })
    expect(step?.changes?.every(({ name }) => name?.startsWith('transformer.'))).toBe(true)
  })

  it('goes through the shards in the order of their names, whichever the index begins with', async () => {
    const folder = join(scratch(), 'model')
    cpSync(golden('sharded-stale-index/data'), folder, { recursive: true })
    const shards = readdirSync(folder).filter((name) => name.endsWith('.safetensors'))
    for (const shard of shards) {
      const bytes = readFileSync(join(folder, shard))
      const end = 8 + Number(bytes.readBigUInt64LE(0))
      const text = bytes
        .subarray(8, end)
        .toString()
        .replaceAll(/"(model\.|lm_head)/g, '"module.$1')
      const head = Buffer.alloc(8)
      head.writeBigUInt64LE(BigInt(text.length))
      writeFileSync(join(folder, shard), Buffer.concat([head, Buffer.from(text), bytes.subarray(end)]))
    }
    const path = join(folder, 'model.safetensors.index.json')
    const index = JSON.parse(readFileSync(path, 'utf8'))
    const entries = Object.entries(index.weight_map).reverse()
    index.weight_map = Object.fromEntries(entries.map(([name, shard]) => [`module.${name}`, shard]))
    writeFileSync(path, JSON.stringify(index))
    const renamed = (await planned(folder)).plan.plan.filter(({ kind }) => kind === 'rename')
    expect(renamed.map(({ subject }) => subject)).toEqual(shards.sort())
  })

  it('writes a stale index anew and names what it leaves out', async () => {
    const { plan } = await planned(golden('sharded-stale-index/data'))
    expect(plan.plan).toHaveLength(1)
    expect(plan.plan[0]).toMatchObject({ kind: 'rebuild-index', confidence: 'likely' })
    expect(plan.plan[0]?.evidence).toContain('model.layers.2.mlp.up_proj.weight is in none')
    expect(plan.files.filter(({ action }) => action === 'write').map(({ path }) => path)).toEqual([
      'model.safetensors.index.json',
    ])
  })

  it('writes an index anew that is no JSON', async () => {
    const folder = scratch()
    cpSync(golden('sharded/data'), folder, { recursive: true })
    writeFileSync(join(folder, 'model.safetensors.index.json'), '{"a"')
    const { plan } = await planned(folder)
    expect(plan.verdictBefore).toBe('broken')
  })

  it('does not write an index that would hide a missing shard', async () => {
    const { plan } = await planned(golden('sharded-missing-shard/data'))
    expect(plan.files).toEqual([])
    expect(plan.unmended.map(({ rule }) => rule)).toContain('weights/missing-shard')
  })

  it('refills a shard that is missing with its index from the run, and writes an index of all that the run has', async () => {
    const run = scratch()
    for (const step of [10, 20]) cpSync(golden('sharded/data'), join(run, `checkpoint-${step}`), { recursive: true })
    const path = join(run, 'checkpoint-20')
    rmSync(join(path, 'model-00002-of-00004.safetensors'))
    rmSync(join(path, 'model.safetensors.index.json'))
    const { plan } = await planned(path)
    expect(plan.plan.at(-1)).toMatchObject({ kind: 'rebuild-index', confidence: 'certain' })
    expect(plan.unmended.filter(({ rule }) => rule.startsWith('weights/'))).toEqual([])
  })

  it('refills a missing shard from a reference, into the last shard and the index', async () => {
    const { plan } = await planned(golden('sharded-missing-shard/data'), { reference: golden('sharded/data') })
    expect(plan.plan.at(-1)).toMatchObject({ kind: 'rebuild-index', confidence: 'certain' })
    expect(plan.files.filter(({ action }) => action === 'write').map(({ path }) => path)).toEqual([
      'model-00004-of-00004.safetensors',
      'model.safetensors.index.json',
    ])
    expect(plan.unmended.map(({ rule }) => rule)).not.toContain('weights/missing-shard')
  })
})

describe('what a plan never offers', () => {
  it('copies no call that would run code', async () => {
    const { plan } = await planned(golden('hostile-torch-zip/data/pytorch_model.bin'))
    expect(plan.plan).toMatchObject([{ kind: 'plain', confidence: 'likely', lost: [expect.stringMatching(/system/)] }])
    const stream = await planned(golden('hostile-os-system/data/pytorch_model.bin'))
    expect(stream.plan.files).toEqual([])
    expect(stream.plan.unmended.map(({ rule }) => rule)).toContain('pickle/dangerous')
  })

  it('mends nothing in a healthy checkpoint', async () => {
    const { plan } = await planned(golden('seed-style/data'))
    expect(plan).toMatchObject({ plan: [], unmended: [], files: [] })
  })
})
