import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { applyRepair } from '../../src/core/repair/apply'
import { exportWeights } from '../../src/core/repair/export'
import { opened, planned } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-mend-'))
const kernel = referenceKernel
afterAll(() => rmSync(folder, { recursive: true }))

describe('files that are mended as a whole', () => {
  it('load in PyTorch and transformers with the values they had', async () => {
    python('mend.py', 'make', folder)
    const place = (name: string) => join(folder, name)

    const choice = 'model.embed_tokens.weight'
    const tied = await planned(place('tied'), { deep: true, decisions: [{ step: 1, choice }] })
    expect(tied.plan.plan).toMatchObject([{ kind: 'retie', chosen: choice }])
    await applyRepair(tied.checkpoint, tied.plan, { kernel, out: place('mended-tied') })

    const bloat = await planned(place('bloat.pt'))
    expect(bloat.plan.plan).toMatchObject([{ kind: 'trim', before: '4194304 bytes', after: '80 bytes' }])
    await applyRepair(bloat.checkpoint, bloat.plan, { kernel, out: place('mended-bloat.pt') })
    expect(statSync(place('mended-bloat.pt')).size).toBeLessThan(10_000)

    for (const name of ['stale', 'unindexed']) {
      const shards = readdirSync(place(name)).filter((each) => each.endsWith('.safetensors'))
      const { checkpoint, plan } = await planned(place(name))
      expect(plan.plan).toMatchObject([{ kind: 'rebuild-index' }])
      await applyRepair(checkpoint, plan, { kernel, inPlace: true })
      for (const shard of shards)
        expect(readFileSync(join(place(name), shard))).toEqual(readFileSync(join(place('whole'), shard)))
    }
    const sharded = await opened(place('whole'))
    await exportWeights(sharded, place('resharded'), { maxShardSize: 50_000 })
    await exportWeights(sharded, place('merged'), {})
    expect(readdirSync(place('merged')).sort()).toEqual(['config.json', 'generation_config.json', 'model.safetensors'])
    expect(readdirSync(place('resharded')).length).not.toBe(readdirSync(place('whole')).length)

    expect(JSON.parse(python('mend.py', 'check', folder))).toEqual({
      ...{ tied: [], bloat: [], stale: [], unindexed: [], resharded: [], merged: [] },
    })
  })
})
