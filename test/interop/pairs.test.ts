import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { simdKernel as kernel } from '../../src/core/analysis/simd/kernel'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { type DiffOptions, diff } from '../../src/core/diff/diff'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-pairs-'))
beforeAll(() => void python('pairs.py', folder))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function compared(a: string, b: string, options: Partial<DiffOptions> = {}) {
  const [left, right] = [await openCheckpoint(join(folder, a)), await openCheckpoint(join(folder, b))]
  onTestFinished(() => {
    left.close()
    right.close()
  })
  return diff(left, right, { kernel, ...options })
}

describe('what torch and safetensors write of one training', () => {
  it('has the same moments whether its optimizer was saved by position or by name', async () => {
    const { state, summary } = await compared('position.pt', 'name.pt')
    expect(summary).toMatchObject({ changed: 0, onlyA: 0, onlyB: 0 })
    expect(state.filter(({ what, same }) => !same && /exp_avg|optimizer\.step/.test(what))).toEqual([])
  })

  it('has a tied head that safetensors leaves out, and the same values in one row after the other', async () => {
    const tied = await compared('tied.pt', 'tied.safetensors', { weightsOnly: true })
    expect(tied.summary).toMatchObject({ same: 7, changed: 0 })
    expect(tied.conclusions).toMatchObject([{ kind: 'tied' }])
    const flat = await compared('tied.pt', 'flat.pt', { weightsOnly: true })
    expect(flat.summary).toMatchObject({ same: 4, shape: 4 })
    expect(flat.conclusions.find(({ kind }) => kind === 'reshaped')?.tensors).toHaveLength(4)
  })

  it('is known again after it was renamed and trained further', async () => {
    const { tensors, summary } = await compared('tied.pt', 'renamed.pt', { weightsOnly: true })
    expect(summary).toMatchObject({ onlyA: 0, onlyB: 0 })
    for (const { name, nameB } of tensors) {
      expect(nameB).toBe(name.replace('wte', 'embed').replace('body', 'layers.mlp').replace('head', 'lm_head'))
    }
  })
})
