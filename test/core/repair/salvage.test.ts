import { copyFileSync, cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { verify } from '../../../src/core/verify/verify'
import { byName, digests, flattenTensors, golden, opened, planned, scratch, snapshot, truthOf } from './cases'

const kernel = referenceKernel

async function mended(path: string, options: Parameters<typeof planned>[1] = {}, refused: readonly number[] = []) {
  const { checkpoint, plan } = await planned(path, options)
  const out = join(scratch(), 'mended')
  const result = await applyRepair(checkpoint, plan, { kernel, out, refused })
  return { plan, result, out }
}

/** A copy of a golden file without its last `bytes`. */
function cut(name: string, bytes: number): string {
  const source = golden(name)
  const path = join(scratch(), name.slice(name.lastIndexOf('/') + 1))
  copyFileSync(source, path)
  truncateSync(path, statSync(path).size - bytes)
  return path
}

it('a training dict of which only the directory was cut off gets nothing but its file back', async () => {
  const path = cut('producer-nanogpt/data/checkpoint.pt', 60)
  const { plan } = await mended(path)
  expect(plan.plan.map(({ kind, confidence }) => [kind, confidence])).toEqual([['salvage', 'certain']])
})

it('one of two models comes out of a training dict that was cut off before the other', async () => {
  const name = 'producer-gan/data/checkpoint.pt'
  const bytes = readFileSync(golden(name))
  const { plan, result, out } = await mended(cut(name, bytes.length - bytes.indexOf('checkpoint/data/4')))
  expect(result).toMatchObject({ applied: true, compared: 4 })
  expect(plan.plan[0]?.gone).toContain('discriminator.model.0.weight')
  const whole = (await digests(await opened(golden(name)))).filter((each) => each.name.startsWith('generator.'))
  const kept = await digests(await opened(out))
  expect(kept.map(({ sha256 }) => sha256)).toEqual(whole.map(({ sha256 }) => sha256))
})

it('what was flattened and cut off comes from the reference in the shape it should have', async () => {
  const folder = join(scratch(), 'checkpoint-20')
  const source = golden('trainer-gpt2/data/checkpoint-20')
  cpSync(source, folder, { recursive: true })
  const model = join(folder, 'model.safetensors')
  flattenTensors(model)
  truncateSync(model, Math.round(statSync(model).size * 0.7))
  const { plan, result, out } = await mended(folder, { reference: source })
  expect(plan.unmended).toEqual([])
  expect(result).toMatchObject({ applied: true, verdictAfter: 'partial' })
  expect(byName(await digests(await opened(out)))).toEqual(byName(await digests(await opened(source))))
})

it('what only the values tell and nothing mends is in the verdict on the result', async () => {
  const folder = join(scratch(), 'checkpoint-20')
  cpSync(golden('trainer-gpt2/data/checkpoint-20'), folder, { recursive: true })
  rmSync(join(folder, 'scheduler.pt'))
  const model = join(folder, 'model.safetensors')
  const bytes = readFileSync(model)
  bytes.writeFloatLE(Number.NaN, bytes.length - 4)
  writeFileSync(model, bytes)
  const { plan, result } = await mended(folder, { deep: true })
  expect(plan.unmended.map(({ rule }) => rule)).toEqual(['weights/non-finite'])
  expect(result).toMatchObject({ applied: true, verdictBefore: 'broken', verdictAfter: 'broken' })
})

const CUT: readonly [name: string, file: string, gone: readonly string[]][] = [
  ['damaged-st-cut-last', 'model.safetensors', ['norm.weight']],
  ['damaged-st-cut-middle', 'model.safetensors', ['fc1.bias', 'fc1.weight', 'fc2.weight', 'norm.weight']],
  ['damaged-st-trailing', 'model.safetensors', []],
  ['damaged-zip-cut-last', 'model.pt', []],
  ['damaged-zip-record-missing', 'model.pt', ['embed.weight']],
  ['damaged-zip-cut-half', 'model.pt', ['fc1.weight', 'fc1.bias', 'fc2.weight', 'norm.weight']],
]

describe('a file of weights that lost bytes', () => {
  it.each(CUT)('%s keeps every whole tensor, and what is lost is named', async (name, file, gone) => {
    const source = golden(`${name}/data/${file}`)
    const before = snapshot(golden(`${name}/data`))
    const { plan, result, out } = await mended(source)
    const healthy = byName(truthOf(file === 'model.pt' ? 'damaged-healthy-zip' : 'damaged-healthy-st').tensors)
    expect(await digests(await opened(out))).toEqual(healthy.filter((each) => !gone.includes(each.name)))
    expect(plan.plan[0]?.gone ?? []).toEqual(gone)
    const reasons = plan.plan[0]?.lost ?? []
    expect(reasons.map((line) => line.split(': ', 1)[0])).toEqual(gone)
    for (const line of reasons) expect(line).toMatch(/: (the file ends|what holds its values is not)/)
    expect(plan.unmended.map(({ rule }) => rule).includes('weights/missing-tensor')).toBe(gone.length > 0)
    expect(result.verdictAfter).toBe(gone.length > 0 ? 'broken' : 'partial')
    expect(snapshot(golden(`${name}/data`))).toEqual(before)
  })

  it.each(CUT.filter(([, , gone]) => gone.length > 0))(
    '%s is whole again with a reference, by the same values',
    async (name, file) => {
      const reference = golden(`damaged-healthy-${file === 'model.pt' ? 'zip' : 'st'}/data`)
      const { plan, result, out } = await mended(golden(`${name}/data/${file}`), { reference })
      expect(await digests(await opened(out))).toEqual(await digests(await opened(reference)))
      expect(plan.plan[0]?.lost).toBeUndefined()
      expect(result.verdictAfter).toBe('partial')
    },
  )

  it('that is an adapter is broken where a factor is lost for good', async () => {
    const folder = join(scratch(), 'checkpoint-10')
    cpSync(golden('trainer-lora/data/checkpoint-10'), folder, { recursive: true })
    const file = join(folder, 'adapter_model.safetensors')
    truncateSync(file, statSync(file).size - 16)
    const { result } = await mended(folder)
    expect(result).toMatchObject({ verdictAfter: 'broken', unmended: [{ rule: 'weights/missing-tensor' }] })
  })

  it('says of the tensors that it is without, until a later repair has them', async () => {
    const first = await mended(golden('damaged-st-cut-last/data/model.safetensors'))
    const { verification } = await planned(first.out)
    expect(verification.findings).toContainEqual(
      expect.objectContaining({ rule: 'weights/missing-tensor', subject: 'norm.weight' }),
    )
    const second = await mended(first.out, { reference: golden('damaged-healthy-st/data') })
    expect(second.result.verdictAfter).toBe('partial')
    expect(await digests(await opened(second.out))).toEqual(byName(truthOf('damaged-healthy-st').tensors))
  })

  it('keeps in its metadata where replaced values came from, and which are lost', async () => {
    const reference = golden('damaged-healthy-st/data')
    const { out } = await mended(golden('damaged-st-cut-middle/data/model.safetensors'), { reference }, [2])
    const [file] = (await opened(out)).files
    const notes = JSON.parse(file?.metadata?.['assay.repair'] ?? '[]')
    expect(notes[0]).toMatchObject({ kind: 'salvage', gone: ['fc1.bias'] })
    expect(notes[1]).toMatchObject({ subject: 'fc1.weight', evidence: expect.stringContaining('data has it') })
    const record = JSON.parse(readFileSync(join(out, 'assay-repair.json'), 'utf8'))
    expect(record.steps[0]).toMatchObject({ kind: 'salvage', gone: ['fc1.bias'] })
  })

  it('that is a shard keeps its index true', async () => {
    const { out } = await mended(golden('sharded-truncated-shard/data'), { reference: golden('sharded/data') })
    expect(await digests(await opened(out))).toEqual(await digests(await opened(golden('sharded/data'))))
  })

  it('of the form before torch 1.6 becomes a zip with the tensors before the cut', async () => {
    const whole = byName(truthOf('torch-zoo-legacy').tensors)
    const path = cut('torch-zoo-legacy/data/model.pt', 8)
    const { plan, out } = await mended(path)
    const saved = await digests(await opened(out))
    const gone = plan.plan[0]?.gone ?? []
    expect(gone.length).toBeGreaterThan(0)
    expect(saved.length).toBeGreaterThan(0)
    expect(saved).toEqual(whole.filter(({ name }) => !gone.includes(name)))
    expect((await opened(out)).files[0]?.kind).toBe('torch-zip')
  })

  it.each([0, 1, 2])('of the form before torch 1.6 whose count of storage %i is wrong loses nothing', async (which) => {
    const bytes = readFileSync(golden('torch-zoo-legacy/data/model.pt'))
    const size = bytes.length
    // Three storages of 128, 16 and 64 float32 at the end, each behind its count.
    const starts = [size - 3 * 8 - 4 * (128 + 16 + 64), size - 2 * 8 - 4 * (16 + 64), size - 8 - 4 * 64]
    const counts = starts.map((at) => bytes.readBigInt64LE(at))
    expect([...counts].sort()).toEqual([128n, 16n, 64n])
    for (const wrong of [-1n, 0n, (counts[which] ?? 0n) + 1n, 2n ** 40n]) {
      const path = join(scratch(), 'model.pt')
      const changed = Buffer.from(bytes)
      changed.writeBigInt64LE(wrong, starts[which])
      writeFileSync(path, changed)
      const { plan, out } = await mended(path)
      expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'certain' }])
      expect(await digests(await opened(out))).toEqual(byName(truthOf('torch-zoo-legacy').tensors))
    }
  })

  it('of which no tensor is whole is refused', async () => {
    const { plan } = await planned(golden('damaged-zip-cut-quarter/data/model.pt'))
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'refused' }])
    expect(plan.files).toEqual([])
  })

  it('is taken from the rest of its run where that has it', async () => {
    const folder = scratch()
    for (const step of [10, 20]) {
      const name = `checkpoint-${step}`
      cpSync(golden(`trainer-gpt2/data/${name}`), join(folder, name), { recursive: true })
    }
    const path = join(folder, 'checkpoint-20')
    const file = join(path, 'model.safetensors')
    truncateSync(file, statSync(file).size - 8)
    const { plan, out } = await mended(path)
    const [first, second] = plan.plan
    expect(first).toMatchObject({ kind: 'salvage', confidence: 'likely' })
    expect(second).toMatchObject({ kind: 'restore-values', evidence: expect.stringContaining('checkpoint-10') })
    const [mine, theirs] = [
      await digests(await opened(out)),
      await digests(await opened(join(folder, 'checkpoint-10'))),
    ]
    const names = new Set(mine.map(({ name }) => name))
    expect(theirs.every(({ name }) => names.has(name))).toBe(true)
  })
})

describe('a tensor whose bytes differ from their checksum', () => {
  const path = golden('damaged-zip-bitflip/data/model.pt')

  it('is replaced from a reference', async () => {
    const { out } = await mended(path, { deep: true, reference: golden('damaged-healthy-zip/data') })
    expect(await digests(await opened(out))).toEqual(byName(truthOf('damaged-healthy-zip').tensors))
  })

  it('is not thrown away where nothing can take its place', async () => {
    const { plan } = await planned(path, { deep: true })
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'refused' }])
  })

  it('is given up where it is a moment: the state of its parameter begins anew, and all others are kept', async () => {
    const name = 'producer-nanogpt/data/checkpoint.pt'
    const truth = await opened(golden(name))
    const moment = truth.tensors.find(({ name: each }) => each.endsWith('.state.0.exp_avg'))
    const bytes = readFileSync(golden(name))
    const at = recordStart(bytes, `checkpoint/data/${moment?.storage?.key}`)
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at)
    const path = join(scratch(), 'checkpoint.pt')
    writeFileSync(path, bytes)
    const { plan, out } = await mended(path, { deep: true })
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'likely', part: 'optimizer.state.0' }])
    const kept = await digests(await opened(out))
    const others = (await digests(truth)).filter((each) => !each.name.startsWith('optimizer.state.0.'))
    expect(kept).toEqual(others)
    const { resume, findings } = await verify(await opened(out), { kernel, deep: true })
    expect(resume.level).toBe('stable')
    expect(findings.map(({ rule }) => rule)).toContain('optimizer/rebuilt')
  })
})

/** Where the data of a record begins whose name stands at `name` in its local header. */
function recordStart(bytes: Buffer, name: string): number {
  const { header } = recordOf(bytes, name)
  return header + 30 + bytes.readUInt16LE(header + 26) + bytes.readUInt16LE(header + 28)
}

/** Where the local header of a record of the golden zip stands, and its entry of the directory. */
function recordOf(bytes: Buffer, name: string): { header: number; central: number } {
  const found = (signature: number, at: number) =>
    bytes.readUInt32LE(at) === signature &&
    bytes.subarray(at + (signature === 0x04034b50 ? 30 : 46)).indexOf(name) === 0
  const places = Array.from(bytes.keys()).slice(0, -64)
  const place = (signature: number) => places.find((at) => found(signature, at)) ?? -1
  return { header: place(0x04034b50), central: place(0x02014b50) }
}

describe('a torch zip of which only what is said of a record is wrong', () => {
  const healthy = byName(truthOf('damaged-healthy-zip').tensors)
  const CASES = [
    ['a local header', 'error', 'model/data/2', 'header', 0],
    ['the local header of the pickle', 'error', 'model/data.pkl', 'header', 0],
    ['a checksum of the directory', 'warning', 'model/data/1', 'central', 16],
    ['the checksum of the pickle', 'warning', 'model/data.pkl', 'central', 16],
    ['a place in the directory', 'error', 'model/data/3', 'central', 42],
  ] as const

  it.each(CASES)('%s: every tensor is saved', async (_what, severity, record, where, at) => {
    const bytes = readFileSync(golden('damaged-healthy-zip/data/model.pt'))
    bytes.set([0x11, 0x22, 0, 0], recordOf(bytes, record)[where] + at)
    const path = join(scratch(), 'model.pt')
    writeFileSync(path, bytes)
    const { verification } = await planned(path, { deep: true })
    expect(verification.findings.filter(({ rule }) => rule.startsWith('file/'))).toMatchObject([
      {
        rule: 'file/bad-header',
        severity,
        evidence: { record, misstated: where === 'central' && at === 16 ? 'checksum' : 'header' },
      },
    ])
    const { plan, out } = await mended(path, { deep: true })
    expect(plan.plan).toMatchObject([{ kind: 'salvage', confidence: 'certain' }])
    expect(plan.unmended.filter(({ rule }) => rule.startsWith('file/'))).toEqual([])
    expect(await digests(await opened(out))).toEqual(healthy)
    expect(
      (await planned(out, { deep: true })).verification.findings.filter(({ rule }) => rule.startsWith('file/')),
    ).toEqual([])
  })

  it('loses the tensor whose record cannot be read, and no other', async () => {
    const bytes = readFileSync(golden('damaged-healthy-zip/data/model.pt'))
    bytes.writeUInt16LE(8, recordOf(bytes, 'model/data/2').central + 10)
    const path = join(scratch(), 'model.pt')
    writeFileSync(path, bytes)
    const { plan, out } = await mended(path, { deep: true })
    const [lost] = plan.plan[0]?.gone ?? []
    expect(plan.plan[0]?.lost).toEqual([expect.stringMatching(/the record that holds its values cannot be read/)])
    expect(await digests(await opened(out))).toEqual(healthy.filter(({ name }) => name !== lost))
  })
})

const LIGHTNING = 'lightning/data/checkpoints/last.ckpt'

describe('a training dict that was cut off', () => {
  it('keeps its weights and scalars, and loses the optimizer states that are not whole, a parameter at a time', async () => {
    const whole = await opened(golden(LIGHTNING))
    const weights = whole.tensors.filter(({ component }) => component === 'weights')
    const path = cut(LIGHTNING, 80_000)
    const { plan, out } = await mended(path)
    const saved = await opened(out)
    expect(await digests({ tensors: saved.tensors.filter(({ component }) => component === 'weights') })).toEqual(
      await digests({ tensors: weights }),
    )
    expect(plan.plan[0]?.lost?.every((each) => each.includes('state.'))).toBe(true)
    const [optimizer] = saved.state.optimizers
    expect(optimizer?.parameters.length).toBeGreaterThan(0)
    expect(optimizer?.parameters.length).toBeLessThan(whole.state.optimizers[0]?.parameters.length ?? 0)
    for (const { tensors } of optimizer?.parameters ?? []) {
      expect(Object.keys(tensors)).toEqual(expect.arrayContaining(['exp_avg', 'exp_avg_sq']))
    }
  })
})
