import { cpSync, mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { plainOf } from '../../../../src/core/decode/pickle/plain-of'
import { mappingOf, type PyValue } from '../../../../src/core/decode/pickle/value'
import { applyRepair } from '../../../../src/core/repair/apply'
import { Neighbours } from '../../../../src/core/repair/neighbours'
import { planRepair } from '../../../../src/core/repair/plan'
import { verify } from '../../../../src/core/verify/verify'
import { digests, golden, opened, planned, scratch, snapshot } from '../cases'

const kernel = referenceKernel

async function repaired(path: string, reference?: string, out = join(scratch(), 'mended')) {
  const folder = path.endsWith('.ckpt') ? dirname(path) : path
  const before = snapshot(folder)
  const { checkpoint, plan } = await planned(path, { ...(reference !== undefined && { reference }) })
  const result = await applyRepair(checkpoint, plan, { kernel, out })
  expect(snapshot(folder)).toEqual(before)
  const mended = await opened(out)
  return { plan, result, mended, verification: await verify(mended, { kernel }) }
}

describe('a training dict that was saved without its states', () => {
  const path = golden('seed-style-weights-only/data')

  it('gets them, by the names and in the form of another checkpoint of the run, and is stable', async () => {
    const { plan, result, mended, verification } = await repaired(path, golden('seed-style/data'))
    expect(plan.plan.map(({ kind, subject, confidence }) => [kind, subject, confidence])).toEqual([
      ['rebuild-state', 'training_state.pt: optimizer_state_dict', 'likely'],
      ['rebuild-state', 'training_state.pt: scheduler_state_dict', 'likely'],
      ['rebuild-state', 'training_state.pt: rng_states', 'likely'],
    ])
    expect([plan.unmended, result.verdictAfter, verification.resume.level]).toEqual([[], 'partial', 'stable'])
    expect(mended.rebuilt?.map(({ component }) => component)).toEqual(['optimizer', 'scheduler', 'rng'])
    const truth = await opened(golden('seed-style/data'))
    expect(mended.state.schedulers).toEqual(truth.state.schedulers)
    expect(mended.state.optimizers[0]?.groups).toEqual(truth.state.optimizers[0]?.groups)
    expect(mended.state.rng).toEqual(truth.state.rng)
    expect([mended.state.step, mended.state.epoch]).toEqual([24, 3])
  })

  it('keeps every entry and every weight that it has', async () => {
    const { mended } = await repaired(path, golden('seed-style/data'))
    const source = await opened(path)
    const dict = (files: typeof mended.files) =>
      Object.entries(plainOf(files.find((file) => file.path === 'training_state.pt')?.value ?? null) as object)
    const had = dict(source.files)
    expect(dict(mended.files).slice(0, had.length)).toEqual(had)
    const weights = async ({ tensors }: typeof mended) =>
      digests({ tensors: tensors.filter(({ component }) => component === 'weights') })
    expect(await weights(mended)).toEqual(await weights(source))
  })

  it('keeps them lost, and says what would tell, where nothing does', async () => {
    const { plan } = await planned(path)
    expect(plan.plan.map(({ kind }) => kind)).toEqual(['refuse', 'refuse', 'refuse'])
    expect(new Set(plan.unmended.map(({ why }) => why)).size).toBe(1)
    expect(plan.unmended[0]?.why).toContain('another checkpoint of the run tells')
    expect(plan.files).toEqual([])
  })
})

describe('a Lightning checkpoint of weights alone', () => {
  it('gets optimizer_states and lr_schedulers in the lists that Lightning reads', async () => {
    const [source, whole] = ['lightning-weights-only', 'lightning'].map((name) => golden(`${name}/data/checkpoints`))
    const run = join(scratch(), 'run')
    mkdirSync(run)
    cpSync(join(source as string, 'last.ckpt'), join(run, 'last.ckpt'))
    const reference = join(whole as string, 'last.ckpt')
    const { plan, mended } = await repaired(join(run, 'last.ckpt'), reference, join(scratch(), 'last.ckpt'))
    expect(plan.plan.map(({ subject }) => subject)).toEqual(['last.ckpt: optimizer_states', 'last.ckpt: lr_schedulers'])
    const entries = mappingOf(mended.files[0]?.value)
    const truth = mappingOf((await opened(reference)).files[0]?.value)
    const plain = (value: typeof entries, key: string) => plainOf(value?.get(key) ?? null)
    expect(plain(entries, 'lr_schedulers')).toEqual(plain(truth, 'lr_schedulers'))
    expect(mended.state.optimizers).toHaveLength(1)
    expect(mended.state.optimizers[0]?.step).toBe(0)
    expect(mended.state.step).toBe(18)
  })
})

it('a training dict gets the scaler back that every other checkpoint of the run has', async () => {
  const run = scratch()
  for (const step of [10, 20]) cpSync(golden('producer-nnunet/data/checkpoint.pt'), join(run, `checkpoint-${step}.pt`))
  const source = await opened(join(run, 'checkpoint-20.pt'))
  const dict = mappingOf(source.files[0]?.value) as Map<PyValue, PyValue>
  expect(dict.delete('grad_scaler_state')).toBe(true)
  const components = source.components.map((each) =>
    each.id === 'scaler' ? { ...each, status: 'not-applicable' as const, files: [] } : each,
  )
  const checkpoint = { ...source, components }
  const neighbours = new Neighbours(checkpoint)
  onTestFinished(() => neighbours.close())
  const { plan } = await planRepair(checkpoint, await verify(checkpoint, { kernel }), { neighbours })
  expect(plan.map(({ subject, evidence }) => [subject, evidence])).toContainEqual([
    'checkpoint-20.pt: grad_scaler_state',
    'With the scale of checkpoint-10.pt',
  ])
})
