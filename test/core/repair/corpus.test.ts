import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { exportWeights } from '../../../src/core/repair/export'
import { byName, digests, golden, opened, planned, scratch, truthOf } from './cases'

const kernel = referenceKernel
const weights = async (path: string) => {
  const { tensors } = await opened(path)
  return digests({ tensors: tensors.filter(({ component }) => component === 'weights') })
}

/** Cases, what they are opened as, and what helps. */
const MENDED: readonly [name: string, path: string, reference?: string][] = [
  ['flattened', 'data/checkpoint', 'data/reference'],
  ['flattened', 'data/checkpoint'],
  ['flattened-whisper', 'data'],
  ['zero-size', 'data/checkpoint', 'data/reference'],
  ['replicated-buffer', 'data/checkpoint'],
]

describe('what a case is repaired to is what was lost', () => {
  it.each(MENDED)('%s (%s, %s)', async (name, path, reference) => {
    const { checkpoint, plan } = await planned(golden(`${name}/${path}`), {
      ...(reference && { reference: golden(`${name}/${reference}`) }),
    })
    const out = join(scratch(), 'mended')
    const result = await applyRepair(checkpoint, plan, { kernel, out })
    const truth = truthOf(name)
    const told = byName(truth.repaired ?? truth.tensors)
    const found = await weights(out)
    expect(found.filter((each) => told.some((one) => one.name === each.name))).toEqual(told)
    expect(result.verdictAfter).not.toBe('broken')
  })

  it('frozen-missing is filled up from its reference', async () => {
    const reference = golden('frozen-missing/data/reference')
    const { checkpoint, plan } = await planned(golden('frozen-missing/data/checkpoint'), { reference })
    const out = join(scratch(), 'mended')
    await applyRepair(checkpoint, plan, { kernel, out })
    const names = (await weights(out)).map(({ name }) => name)
    expect(names).toEqual((await weights(reference)).map(({ name }) => name))
  })

  it('sharded-stale-index gets an index of what is there, and no other byte changes', async () => {
    const path = golden('sharded-stale-index/data')
    const { checkpoint, plan } = await planned(path)
    const out = join(scratch(), 'mended')
    const result = await applyRepair(checkpoint, plan, { kernel, out })
    expect(plan.plan.map(({ kind }) => kind)).toEqual(['rebuild-index'])
    expect(result.verdictAfter).not.toBe('broken')
    expect(await weights(out)).toEqual(await weights(path))
  })

  it('sharded-missing-shard is whole again with the sound one as reference, and left alone without', async () => {
    const alone = await planned(golden('sharded-missing-shard/data'))
    expect(alone.plan.files).toEqual([])
    const reference = golden('sharded/data')
    const { checkpoint, plan } = await planned(golden('sharded-missing-shard/data'), { reference })
    const out = join(scratch(), 'mended')
    await applyRepair(checkpoint, plan, { kernel, out })
    expect(await weights(out)).toEqual(await weights(reference))
  })
})

it('one rank of several is never reshaped', async () => {
  const { plan } = await planned(golden('rank-shard/data/pytorch_model_rank0.bin'))
  expect(plan.plan.length).toBeGreaterThan(0)
  expect(plan.plan.every(({ confidence }) => confidence === 'refused')).toBe(true)
  expect(plan.files).toEqual([])
})

describe('of a file that was cut off', () => {
  it.each(['damaged-st-cut-last', 'damaged-st-cut-middle', 'damaged-zip-cut-last'])(
    'every whole tensor is saved from %s, and the lost ones are named',
    async (name) => {
      const file = name.startsWith('damaged-st') ? 'model.safetensors' : 'model.pt'
      const checkpoint = await opened(golden(`${name}/data/${file}`))
      const out = join(scratch(), 'saved.safetensors')
      const { left } = await exportWeights(checkpoint, out, { format: 'safetensors', partial: true })
      const truth = byName(truthOf(name).tensors)
      const saved = await weights(out)
      expect(saved).toEqual(truth)
      const all = checkpoint.tensors.map((tensor) => tensor.name)
      expect(left.map((each) => each.name).sort()).toEqual(
        all.filter((each) => !truth.some((one) => one.name === each)).sort(),
      )
    },
  )
})

describe('a small view over a large storage', () => {
  it('keeps its values and loses the rest of the storage', async () => {
    const path = golden('torch-zoo-bloat/data/model.pt')
    const { checkpoint, plan } = await planned(path)
    expect(plan.plan).toMatchObject([
      { kind: 'trim', confidence: 'certain', before: '4194304 bytes', after: '40 bytes' },
    ])
    const out = join(scratch(), 'model.pt')
    await applyRepair(checkpoint, plan, { kernel, out })
    expect(await weights(out)).toEqual(await weights(path))
    expect((await opened(out)).files[0]?.size).toBeLessThan(10_000)
  })
})

describe('several objects that torch.save wrote into one file, one after another', () => {
  const path = golden('torch-zoo-stream/data/model.pt')

  it('are exported together, those after the first under their number', async () => {
    const out = join(scratch(), 'all.safetensors')
    await exportWeights(await opened(path), out, {})
    expect(await weights(out)).toEqual(byName(truthOf('torch-zoo-stream').tensors))
  })

  it('are not written as one object by a repair, which says what to do instead', async () => {
    const { plan } = await planned(path, { plain: true })
    expect(plan.plan).toMatchObject([
      { kind: 'plain', confidence: 'refused', evidence: expect.stringMatching(/several objects.*export the weights/) },
    ])
    expect(plan.files).toEqual([])
  })
})

describe('a stream of before torch 1.6 with a dtype that it cannot name', () => {
  it('is written as a zip that can be loaded, value for value', async () => {
    const { checkpoint, plan } = await planned(golden('torch-zoo-legacy-float8/data/model.pt'))
    expect(plan.plan).toMatchObject([{ kind: 'plain', confidence: 'likely' }])
    const out = join(scratch(), 'model.pt')
    const result = await applyRepair(checkpoint, plan, { kernel, out })
    expect(await weights(out)).toEqual(byName(truthOf('torch-zoo-legacy-float8').tensors))
    expect(result.verdictAfter).not.toBe('broken')
  })
})
