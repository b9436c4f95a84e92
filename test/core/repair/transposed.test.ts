import { cpSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { verify } from '../../../src/core/verify/verify'
import { digests, golden, opened, planned, reshapeTensor, scratch } from './cases'

const kernel = referenceKernel
const NAME = 'transformer.h.1.mlp.c_fc.weight'
const MODEL = 'model.safetensors'

/** A copy of the GPT-2 run of which the last checkpoint has one weight in another order, or only a part of it. */
function damaged(shape: number[], order: (values: Float32Array) => Float32Array, alone = false): string {
  const folder = scratch()
  cpSync(golden('trainer-gpt2/data'), folder, { recursive: true })
  for (const step of alone ? [10, 20] : [10]) rmSync(join(folder, `checkpoint-${step}`), { recursive: true })
  const path = join(folder, 'checkpoint-30')
  reshapeTensor(join(path, MODEL), NAME, shape, order)
  return path
}

const turned = (values: Float32Array) =>
  Float32Array.from(values, (_, i) => values[(i % 32) * 128 + Math.floor(i / 32)] as number)
const half = (values: Float32Array) => values.subarray(0, values.length / 2)
const digestIn = async (path: string) => (await digests(await opened(path))).find(({ name }) => name === NAME)?.sha256

describe('a weight that was saved transposed', () => {
  it('is turned back where another save of the run proves it, and nothing is lost', async () => {
    const path = damaged([128, 32], turned)
    const { checkpoint, plan } = await planned(path)
    expect(plan.plan).toMatchObject([{ kind: 'restore-values', subject: NAME, confidence: 'likely' }])
    expect(plan.plan[0]?.choices?.map(({ id }) => id)).toEqual(['transposed', 'checkpoint-20'])
    const out = join(scratch(), 'mended')
    await applyRepair(checkpoint, plan, { kernel, out })
    expect(await digestIn(out)).toBe(await digestIn(golden('trainer-gpt2/data/checkpoint-30')))
    expect((await verify(await opened(out), { kernel })).resume.level).toBe('exact')
  })

  it('stays as it is where nothing proves it', async () => {
    const { plan } = await planned(damaged([128, 32], turned, true))
    expect(plan.plan).toEqual([])
    expect(plan.unmended).toMatchObject([{ rule: 'weights/shape-mismatch', subject: NAME }])
  })

  it('is not turned where its values are no transpose of what the other save has', async () => {
    const { plan } = await planned(damaged([128, 32], (values) => values))
    expect(plan.plan).toMatchObject([{ subject: NAME, confidence: 'ask' }])
    expect(plan.plan[0]?.choices?.map(({ id }) => id)).toEqual(['checkpoint-20'])
  })
})

describe('a weight of which a part was saved', () => {
  it('is asked about where only another save of the run has it whole', async () => {
    const { plan } = await planned(damaged([16, 128], half))
    expect(plan.plan).toMatchObject([{ subject: NAME, confidence: 'ask', action: `Take ${NAME} from checkpoint-20` }])
    expect(plan.unmended.map(({ rule }) => rule)).toEqual(['weights/shape-mismatch'])
  })

  it('is taken from the reference that the user named', async () => {
    const reference = golden('trainer-gpt2/data/checkpoint-20')
    const { plan } = await planned(damaged([16, 128], half, true), { reference })
    expect(plan.plan).toMatchObject([{ kind: 'copy-from-reference', subject: NAME, confidence: 'likely' }])
    expect(plan.plan[0]?.borrowed).toBe('checkpoint-20')
  })
})

describe('a weight of another shape than its moments, where nothing tells how the model is', () => {
  const unknown = (path: string) => {
    for (const step of [20, 30]) rmSync(join(path, '..', `checkpoint-${step}`, 'config.json'))
    return path
  }

  it('is turned back where another save of the run proves that it was transposed', async () => {
    const { plan } = await planned(unknown(damaged([128, 32], turned)))
    const steps = plan.plan.filter(({ subject }) => subject === NAME)
    expect(steps).toMatchObject([{ action: `Take ${NAME} from itself, transposed`, confidence: 'likely' }])
  })

  it('is only taken from the reference if the user says so: the model may have been changed', async () => {
    const path = unknown(damaged([16, 128], half))
    const { plan } = await planned(path, { reference: join(path, '..', 'checkpoint-20') })
    const steps = plan.plan.filter(({ subject }) => subject === NAME)
    expect(steps).toMatchObject([{ confidence: 'ask', choices: [{ id: 'checkpoint-20' }] }])
  })
})
