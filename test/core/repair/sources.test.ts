import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { byteLength } from '../../../src/core/checkpoint/tensor'
import { applyRepair } from '../../../src/core/repair/apply'
import type { Decision } from '../../../src/core/repair/decisions'
import { Neighbours } from '../../../src/core/repair/neighbours'
import { planRepair } from '../../../src/core/repair/plan'
import { Soundness } from '../../../src/core/repair/soundness'
import { verify } from '../../../src/core/verify/verify'
import { digests, golden, opened, planned, scratch } from './cases'

const kernel = referenceKernel
const NAME = 'transformer.h.1.mlp.c_fc.weight'

/** A copy of the GPT-2 run in which one weight of a checkpoint holds a NaN. */
function spoilt(step: number, only?: number): string {
  const folder = scratch()
  cpSync(golden('trainer-gpt2/data'), folder, { recursive: true })
  for (const other of [10, 20, 30])
    if (only !== undefined && other !== step && other !== only)
      rmSync(join(folder, `checkpoint-${other}`), { recursive: true })
  const path = join(folder, `checkpoint-${step}`)
  const file = join(path, 'model.safetensors')
  const bytes = readFileSync(file)
  const length = Number(bytes.readBigUInt64LE(0))
  const header = JSON.parse(bytes.subarray(8, 8 + length).toString())
  bytes.writeFloatLE(Number.NaN, 8 + length + header[NAME].data_offsets[0] + 40)
  writeFileSync(file, bytes)
  return path
}

const digestIn = async (path: string) => (await digests(await opened(path))).find(({ name }) => name === NAME)?.sha256

async function repaired(path: string, decisions: readonly Decision[] = []) {
  const { checkpoint, plan } = await planned(path, { deep: true, decisions })
  const out = join(scratch(), 'mended')
  await applyRepair(checkpoint, plan, { kernel, out })
  return { plan, out }
}

describe('a weight with NaN in it', () => {
  it('has the bytes counted that are read for it, and not read again for the next plan', async () => {
    const checkpoint = await opened(spoilt(20))
    const verification = await verify(checkpoint, { kernel, deep: true })
    const soundness = new Soundness()
    const plan = async () => {
      const neighbours = new Neighbours(checkpoint)
      const told: [done: number, total: number, label: string][] = []
      const onProgress = (...each: [number, number, string]) => told.push(each)
      const { plan: steps } = await planRepair(checkpoint, verification, { neighbours, soundness, onProgress })
      await neighbours.close()
      return { steps, told }
    }
    const first = await plan()
    const bytes = checkpoint.tensors.filter(({ name }) => name === NAME).map(byteLength)
    expect(first.told.at(-1)).toEqual([2 * (bytes[0] ?? 0), 2 * (bytes[0] ?? 0), NAME])
    const second = await plan()
    expect(second.told).toEqual([])
    expect(second.steps.map(({ choices }) => choices?.length)).toEqual(
      first.steps.map(({ choices }) => choices?.length),
    )
  })

  it('is taken from the one other checkpoint of the run, and the record says so', async () => {
    const { plan, out } = await repaired(spoilt(20, 10))
    expect(plan.plan).toMatchObject([{ kind: 'restore-values', subject: NAME, confidence: 'likely' }])
    expect(await digestIn(out)).toBe(await digestIn(golden('trainer-gpt2/data/checkpoint-10')))
    const file = (await opened(out)).files.find(({ path }) => path === 'model.safetensors')
    const [note] = JSON.parse(file?.metadata?.['assay.repair'] ?? '[]')
    expect(note).toMatchObject({ subject: NAME, evidence: expect.stringContaining('checkpoint-10') })
  })

  it('does not make the checkpoint exact again: the values are of another step', async () => {
    const { out } = await repaired(spoilt(20, 10))
    const { resume, findings } = await verify(await opened(out), { kernel, deep: true })
    expect(resume.level).toBe('stable')
    expect(findings).toMatchObject([
      { rule: 'weights/borrowed', message: expect.stringContaining(`${NAME} from checkpoint-10`) },
    ])
  })

  it('is asked about where several have it, and taken from the one that is chosen', async () => {
    const path = spoilt(20)
    const asking = await planned(path, { deep: true })
    const [step] = asking.plan.plan
    expect(step).toMatchObject({ confidence: 'ask', subject: NAME })
    expect(step?.choices?.map(({ id }) => id)).toEqual(['checkpoint-30', 'checkpoint-10'])
    expect(asking.plan.unmended.map(({ rule }) => rule)).toEqual(['weights/non-finite'])
    const { out, plan } = await repaired(path, [{ step: 1, subject: NAME, choice: 'checkpoint-30' }])
    expect(plan.plan[0]).toMatchObject({ chosen: 'checkpoint-30', evidence: expect.stringMatching(/^You chose it/) })
    expect(await digestIn(out)).toBe(await digestIn(golden('trainer-gpt2/data/checkpoint-30')))
  })

  it('is not taken from a checkpoint in which it is no better', async () => {
    const path = spoilt(20)
    const other = join(path, '..', 'checkpoint-30')
    cpSync(join(path, 'model.safetensors'), join(other, 'model.safetensors'))
    const { plan } = await planned(path, { deep: true })
    expect(plan.plan).toMatchObject([{ action: expect.stringContaining('checkpoint-10'), confidence: 'likely' }])
  })

  it('stays as it is where nothing has it', async () => {
    const path = spoilt(20, 20)
    const { plan } = await planned(path, { deep: true })
    expect(plan.plan).toEqual([])
    expect(plan.unmended.map(({ rule }) => rule)).toEqual(['weights/non-finite'])
  })
})

describe('a weight that a script has tied', () => {
  it('is taken from its twin, which another checkpoint of the run keeps in the same storage', async () => {
    const run = scratch()
    for (const step of [10, 20]) cpSync(golden('torch-zoo-tied/data/model.pt'), join(run, `model-${step}.pt`))
    const source = await opened(join(run, 'model-20.pt'))
    const tensors = source.tensors.map((each) =>
      each.name === 'lm_head.weight'
        ? { ...each, shape: [0], blocks: [], storage: { key: 'own', byteLength: 0 } }
        : each,
    )
    const checkpoint = { ...source, tensors }
    const verification = await verify(checkpoint, { kernel })
    const neighbours = new Neighbours(checkpoint)
    onTestFinished(() => neighbours.close())
    const { plan } = await planRepair(checkpoint, verification, { neighbours })
    expect(plan).toMatchObject([
      { subject: 'lm_head.weight', confidence: 'certain', action: expect.stringMatching(/from embed\.weight$/) },
    ])
    expect(plan[0]?.borrowed).toBeUndefined()
  })
})

describe('a weight beside a running average that torch made', () => {
  it('is told where it is lost, and taken from the average where nothing else has it', async () => {
    const source = await opened(golden('torch-zoo-model-and-ema/data/model.pt'))
    const lost = 'model.h.0.mlp_fc.weight'
    const checkpoint = { ...source, tensors: source.tensors.filter(({ name }) => name !== lost) }
    const verification = await verify(checkpoint, { kernel })
    expect(verification.findings[0]).toMatchObject({ rule: 'weights/missing-tensor', subject: lost })
    const { plan } = await planRepair(checkpoint, verification)
    const average = lost.replace('model.', 'ema.module.')
    expect(plan).toMatchObject([{ subject: lost, confidence: 'likely', borrowed: average }])
  })
})

describe('a decision', () => {
  it.each<[string, Decision, RegExp]>([
    ['for a choice that is not offered', { step: 1, choice: 'checkpoint-99' }, /no choice/],
    ['about another subject than the step has now', { step: 1, subject: 'other', choice: 'none' }, /not about other/],
    ['about a step that is not there', { step: 9, choice: 'none' }, /no step 9/],
  ])('%s is refused', async (_, decision, message) => {
    await expect(planned(spoilt(20), { deep: true, decisions: [decision] })).rejects.toMatchObject({
      code: 'usage',
      message: expect.stringMatching(message),
    })
  })

  it('of none leaves the step undone', async () => {
    const { plan } = await planned(spoilt(20, 10), { deep: true, decisions: [{ step: 1, choice: 'none' }] })
    expect(plan.plan).toMatchObject([{ confidence: 'refused', evidence: expect.stringMatching(/^You refused it/) }])
    expect(plan.files).toEqual([])
  })
})
