import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { applyRepair } from '../../src/core/repair/apply'
import { golden, planned } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-plain-'))
beforeAll(() => void python('plain.py', 'make', folder))
afterAll(() => rmSync(folder, { recursive: true }))

let files = 0
async function plain(path: string): Promise<string> {
  const { checkpoint, plan } = await planned(path, { plain: true })
  const out = join(folder, `plain-${files++}.pt`)
  await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
  return out
}

describe('a checkpoint written plain', () => {
  it('loads as weights only, mapped, with the values that the original has', async () => {
    const originals = ['objects.pt', 'protocol5.pt', 'legacy.pt'].map((name) => join(folder, name))
    originals.push(golden('dictconfig-namespace/data/checkpoint.pt'))
    const pairs: string[] = []
    for (const original of originals) pairs.push(await plain(original), original)
    expect(JSON.parse(python('plain.py', 'check', ...pairs))).toEqual([[], [], [], []])
  })

  it('loads as weights only, mapped, whatever form the original had', async () => {
    const counts = {
      'dictconfig/data/checkpoint.pt': 119,
      'torch-zoo-module/data/model.pt': 3,
      'torch-zoo-torchscript/data/model.pt': 3,
      'torch-zoo-dtypes-legacy/data/model.pt': 14,
      'torch-zoo-tar/data/model.pt': 4,
      'torch-zoo-plain-pickle/data/model.pkl': 4,
      'torch-zoo-numpy-pickle5/data/model.pkl': 4,
      'producer-ultralytics/data/checkpoint.pt': 20,
      'producer-fairseq/data/checkpoint.pt': 16,
      'hostile-torch-zip/data/pytorch_model.bin': 2,
      'trainer-gpt2/data/checkpoint-20/rng_state.pth': 2,
    }
    const made: string[] = []
    for (const path of Object.keys(counts)) made.push(await plain(golden(path)))
    expect(JSON.parse(python('plain.py', 'load', ...made))).toEqual(Object.values(counts))
  })
})
