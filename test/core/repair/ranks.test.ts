import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { exportWeights } from '../../../src/core/repair/export'
import { byName, digests, golden, opened, planned, scratch, snapshot, truthOf } from './cases'

const kernel = referenceKernel

function copyOf(name: string, ...without: string[]): string {
  const folder = join(scratch(), 'data')
  cpSync(golden(`${name}/data`), folder, { recursive: true })
  for (const file of without) rmSync(join(folder, file))
  return folder
}

function edit(path: string, change: (json: Record<string, unknown>) => void): void {
  const json = JSON.parse(readFileSync(path, 'utf8'))
  change(json)
  writeFileSync(path, JSON.stringify(json))
}

async function exported(path: string) {
  const out = join(scratch(), 'model.safetensors')
  await exportWeights(await opened(path), out, {})
  return digests(await opened(out))
}

describe('the export of files that ranks saved each for itself', () => {
  it.each(['ranks-fsdp2', 'ranks-fsdp2-hybrid', 'ranks-fsdp2-tensor', 'ranks-fsdp1-sharded', 'ranks-fsdp1-local'])(
    'has the whole weights of %s bit for bit',
    async (name) => {
      expect(await exported(golden(`${name}/data`))).toEqual(byName(truthOf(name).tensors))
    },
  )

  it('is refused where a rank is not here', async () => {
    const path = copyOf('ranks-fsdp2', 'model_rank1.pt')
    await expect(exported(path)).rejects.toMatchObject({ code: 'weights/missing' })
  })

  it.each([
    ['tells no architecture', (json: Record<string, unknown>) => delete json.architectures],
    [
      'tells other sizes',
      (json: Record<string, unknown>) => {
        json.intermediate_size = 16
      },
    ],
  ])('leaves flat parameters as they are where config.json %s', async (_, change) => {
    const path = copyOf('ranks-fsdp1-local')
    edit(join(path, 'config.json'), change)
    await expect(exported(path)).rejects.toThrow(/_flat_param.*parameters one behind another/)
  })

  it('is refused of flat parameters of which a rank is not here', async () => {
    const path = copyOf('ranks-fsdp1-local', 'pytorch_model_fsdp_rank1.bin')
    await expect(exported(path)).rejects.toThrow(/a part of its values is not here/)
  })
})

describe('fragments of parameters that ranks of FSDP1 saved each for itself', () => {
  const RAW = 'ranks-fsdp1-raw'

  async function mended(path: string, reference?: string) {
    const { checkpoint, plan } = await planned(path, reference === undefined ? {} : { reference })
    const out = join(scratch(), 'mended')
    const result = await applyRepair(checkpoint, plan, { kernel, out })
    return { plan, result, out }
  }

  const weightsAt = async (path: string) => {
    const { tensors } = await opened(path)
    return digests({ tensors: tensors.filter(({ component }) => component === 'weights') })
  }

  it('are joined in the order of the ranks, with the shapes of config.json', async () => {
    const path = golden(`${RAW}/data`)
    const before = snapshot(path)
    const { plan, result, out } = await mended(path)
    expect(plan.plan).toMatchObject([{ kind: 'rebuild-weights', subject: 'model.safetensors', confidence: 'likely' }])
    expect(plan.unmended.filter(({ note }) => !note)).toEqual([])
    // The fragments are copied, the 21 tensors made of them are new.
    expect(result).toMatchObject({ verdictBefore: 'broken', verdictAfter: 'partial', compared: 63 + 21 })
    expect(JSON.parse(readFileSync(join(out, 'assay-repair.json'), 'utf8'))).toMatchObject({ checkpoint: 'data' })
    expect(await weightsAt(out)).toEqual(byName(truthOf(RAW).tensors))
    expect(snapshot(path)).toEqual(before)
  })

  it('are joined with the shapes of a reference where there is no config', async () => {
    const path = copyOf(RAW, 'config.json')
    const reference = join(scratch(), 'model.safetensors')
    await exportWeights(await opened(golden('ranks-fsdp2/data')), reference, {})
    const { plan, out } = await mended(path, reference)
    expect(plan.plan).toMatchObject([{ kind: 'rebuild-weights', confidence: 'likely' }])
    expect(await weightsAt(out)).toEqual(byName(truthOf(RAW).tensors))
  })

  it.each(['pytorch_model_rank0.bin', 'pytorch_model_rank1.bin', 'pytorch_model_rank2.bin'])(
    'are left as they are without %s, and why is said',
    async (file) => {
      const { plan } = await planned(copyOf(RAW, file))
      expect(plan.plan.map(({ kind }) => kind)).not.toContain('rebuild-weights')
      expect(plan.plan.every(({ confidence }) => confidence === 'refused' || confidence === 'ask')).toBe(true)
      const why = file === 'pytorch_model_rank2.bin' ? "a rank's file is missing" : `${file} is not here`
      expect(plan.plan.some(({ evidence }) => evidence.includes(why))).toBe(true)
    },
  )

  it('are left as they are where nothing tells their shapes', async () => {
    const { plan } = await planned(copyOf(RAW, 'config.json'))
    expect(plan.plan.map(({ kind }) => kind)).not.toContain('rebuild-weights')
  })

  it('are left as they are where they bear the name of the first of several parameters', async () => {
    const { plan } = await planned(golden('rank-shard/data'))
    expect(plan.plan).toHaveLength(2)
    expect(plan.plan.every(({ confidence }) => confidence === 'refused')).toBe(true)
    expect(plan.plan[0]?.evidence).toContain('other parameters lie in them')
  })
})
