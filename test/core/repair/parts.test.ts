import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { byName, digests, golden, opened, planned, scratch, type TruthTensor, truthOf } from './cases'

const kernel = referenceKernel

/** A folder of the Trainer with what DeepSpeed saved in it, and this as the model's file. */
function trainer(stage: 'zero2' | 'zero3', file: string, content: Uint8Array, step = 10): string {
  const path = join(scratch(), `checkpoint-${step}`)
  cpSync(golden(`${stage}/data/global_step10`), join(path, 'global_step10'), { recursive: true })
  writeFileSync(join(path, 'trainer_state.json'), JSON.stringify({ global_step: step, epoch: 1, log_history: [] }))
  writeFileSync(join(path, file), content)
  return path
}

/** A safetensors file that names tensors and holds none of their values, as a gather that did not happen leaves it. */
function unfilled(tensors: readonly TruthTensor[], dtype = 'F32'): Uint8Array {
  const entries = tensors.map(({ name }) => [name, { dtype, shape: [0], data_offsets: [0, 0] }])
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)))
  const length = Buffer.alloc(8)
  length.writeBigUInt64LE(BigInt(header.length))
  return Buffer.concat([length, header])
}

async function mended(path: string) {
  const { checkpoint, plan } = await planned(path)
  const out = join(scratch(), 'checkpoint-10')
  const result = await applyRepair(checkpoint, plan, { kernel, out })
  const saved = result.applied ? await opened(out) : undefined
  const model = saved?.tensors.filter(({ component, file }) => component === 'weights' && !file.includes('/')) ?? []
  return { plan, result, model: await digests({ tensors: model }), out }
}

describe('a model file that is empty beside the parts of the ranks', () => {
  it.each(['pytorch_model.bin', 'model.safetensors'])('%s is written anew from ZeRO-3', async (file) => {
    const { plan, model } = await mended(trainer('zero3', file, new Uint8Array(0)))
    expect(plan.plan).toMatchObject([{ kind: 'rebuild-weights', subject: file, confidence: 'likely' }])
    // What DeepSpeed keeps in 16 bits only, a frozen weight and a buffer, stays in them.
    const narrow = model.filter(({ dtype }) => dtype === 'float16').map(({ name }) => name)
    expect(narrow).toEqual(['mask', 'wpe.weight'])
    const trained = ({ name }: TruthTensor) => !narrow.includes(name)
    expect(model.filter(trained)).toEqual(byName(truthOf('zero3').tensors.filter(trained)))
  })

  it('has the 16-bit weights of ZeRO-2 bit for bit', async () => {
    const { model } = await mended(trainer('zero2', 'pytorch_model.bin', new Uint8Array(0)))
    const whole = await opened(golden('zero2/data'))
    const stored = whole.tensors.filter(({ component }) => component === 'weights')
    expect(model).toEqual(await digests({ tensors: stored }))
    expect(model.some(({ dtype }) => dtype === 'float16')).toBe(true)
  })

  it('is written from the parts of FSDP, and keeps where from', async () => {
    const path = join(scratch(), 'checkpoint')
    cpSync(golden('fsdp-accelerate/data/checkpoint_0'), path, { recursive: true })
    writeFileSync(join(path, 'model.safetensors'), '')
    const { model, result, out } = await mended(path)
    expect(model).toEqual(byName(truthOf('fsdp-accelerate').tensors))
    expect(result.verdictAfter).toBe('complete')
    const file = (await opened(out)).files.find((each) => each.path === 'model.safetensors')
    expect(JSON.parse(file?.metadata?.['assay.repair'] ?? '[]')).toMatchObject([
      { kind: 'rebuild-weights', evidence: expect.stringContaining('pytorch_model_fsdp_0/') },
    ])
    expect(JSON.parse(readFileSync(join(out, 'assay-repair.json'), 'utf8')).steps).toHaveLength(1)
  })

  it('is rounded to what config.json says the model was saved in', async () => {
    const path = trainer('zero3', 'model.safetensors', new Uint8Array(0))
    writeFileSync(join(path, 'config.json'), JSON.stringify({ dtype: 'float16' }))
    const { model, plan } = await mended(path)
    expect(plan.plan[0]?.evidence).toContain('rounded to float16')
    const half = await opened(golden('zero2/data'))
    expect(model).toEqual(await digests({ tensors: half.tensors.filter(({ component }) => component === 'weights') }))
  })

  it('is left as it is where the part of a rank is not here', async () => {
    const path = trainer('zero3', 'model.safetensors', new Uint8Array(0))
    rmSync(join(path, 'global_step10', 'zero_pp_rank_1_mp_rank_00_optim_states.pt'))
    const { plan, result } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'rebuild-weights', confidence: 'refused' }])
    expect(result.applied).toBe(false)
  })

  it('is not written from the parts of another step', async () => {
    const { plan } = await mended(trainer('zero3', 'model.safetensors', new Uint8Array(0), 20))
    expect(plan.plan.map(({ kind }) => kind)).not.toContain('rebuild-weights')
  })
})

describe('tensors without values beside the parts of the ranks', () => {
  it('are filled from ZeRO-3', async () => {
    const { tensors } = truthOf('zero3')
    const { plan, model } = await mended(trainer('zero3', 'model.safetensors', unfilled(tensors)))
    const steps = plan.plan.filter(({ kind }) => kind === 'restore-values')
    expect(steps).toHaveLength(tensors.length)
    expect(steps.every(({ confidence }) => confidence === 'certain')).toBe(true)
    expect(model).toEqual(byName(tensors))
  })

  it('are rounded as the training rounds its masters', async () => {
    const { tensors } = await opened(golden('zero2/data'))
    const stored = await digests({ tensors: tensors.filter(({ component }) => component === 'weights') })
    const { model } = await mended(trainer('zero3', 'model.safetensors', unfilled(stored, 'F16')))
    expect(model).toEqual(stored)
  })

  const { tensors } = truthOf('zero3')
  const shards = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors']
  const index = 'model.safetensors.index.json'
  const half = Math.floor(tensors.length / 2)

  /** The first of two shards, and the index of both. */
  function halved(): string {
    const path = trainer('zero3', shards[0] as string, unfilled(tensors.slice(0, half)))
    const map = Object.fromEntries(tensors.map(({ name }, i) => [name, shards[i < half ? 0 : 1]]))
    writeFileSync(join(path, index), JSON.stringify({ metadata: {}, weight_map: map }))
    return path
  }

  it('are added from them and not from a reference, whose values are others', async () => {
    const { plan } = await planned(halved(), { reference: golden('zero2/data') })
    const added = plan.plan.filter(({ additions }) => additions)
    expect(added.length).toBeGreaterThan(0)
    expect(added.every(({ kind, confidence }) => kind === 'restore-values' && confidence === 'certain')).toBe(true)
  })

  it('are added where the shard that held them is not here, and the index says so', async () => {
    const { model, out } = await mended(halved())
    expect(model.map(({ name }) => name)).toEqual(byName(tensors).map(({ name }) => name))
    const trained = ({ dtype }: TruthTensor) => dtype === 'float32'
    const truth = new Map(tensors.map(({ name, sha256 }) => [name, sha256]))
    expect(model.filter(trained).every(({ name, sha256 }) => truth.get(name) === sha256)).toBe(true)
    expect(model.filter((each) => !trained(each)).length).toBeLessThan(3)
    const told = JSON.parse(readFileSync(join(out, index), 'utf8')).weight_map
    expect(new Set(Object.values(told))).toEqual(new Set(shards.slice(0, 1)))
  })

  it('are filled from FSDP', async () => {
    const { tensors } = truthOf('fsdp-accelerate')
    const path = join(scratch(), 'checkpoint')
    mkdirSync(path)
    cpSync(golden('fsdp-accelerate/data/checkpoint_0'), path, { recursive: true })
    writeFileSync(join(path, 'model.safetensors'), unfilled(tensors))
    const { model, result } = await mended(path)
    expect(model).toEqual(byName(tensors))
    expect(result.verdictAfter).toBe('complete')
  })
})
