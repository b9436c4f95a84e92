import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { applyRepair } from '../../src/core/repair/apply'
import { planned } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-sources-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** Checkpoints, the file that is mended in each, and what the step says of where the values come from. */
const CASES: readonly [name: string, file: string, evidence: RegExp][] = [
  [
    'slots',
    'model.safetensors',
    /optimizer keeps the weight itself in training_state\.pt, as float32.*rounded to bfloat16/,
  ],
  ['lists', 'training.pt', /optimizer keeps the weight itself in training\.pt, as float32.*rounded to bfloat16/],
  ['sharded', 'pytorch_model.bin', /pytorch_model_fsdp_0\/ holds all 4 tensors/],
]

describe('spoilt and lost weights', () => {
  it('are taken from where the same values still are, and PyTorch loads what was lost', async () => {
    const truth: Record<string, Record<string, string>> = JSON.parse(python('sources.py', 'make', folder))
    const paths: string[] = []
    for (const [name, file, evidence] of CASES) {
      const { checkpoint, plan } = await planned(join(folder, name), { deep: true })
      expect(plan.plan).toMatchObject([{ evidence: expect.stringMatching(evidence) }])
      const out = join(folder, `mended-${name}`)
      await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
      paths.push(join(out, file))
    }
    const loaded: unknown = JSON.parse(python('sources.py', 'load', ...paths))
    expect(loaded).toEqual(CASES.map(([name]) => truth[name]))
  })
})
