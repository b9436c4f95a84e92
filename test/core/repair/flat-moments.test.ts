import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { numel, type Tensor } from '../../../src/core/checkpoint/tensor'
import { applyRepair } from '../../../src/core/repair/apply'
import type { RepairStep } from '../../../src/core/repair/steps'
import { digests, golden, opened, planned, scratch } from './cases'

const SOUND = golden('trainer-gpt2/data/checkpoint-30')

/** A copy of the sound checkpoint in which tensors of these components have the shapes that `flattened` gives them. */
async function damaged(
  flattened: (tensor: Tensor) => readonly number[] | undefined,
  ...components: readonly string[]
): Promise<string> {
  const { checkpoint, plan } = await planned(SOUND)
  const changes = checkpoint.tensors.flatMap((tensor) => {
    const shape = components.includes(tensor.component) ? flattened(tensor) : undefined
    return shape ? [{ tensor, shape }] : []
  })
  const step: RepairStep = {
    step: 1,
    kind: 'reshape',
    subject: 'x',
    action: '',
    evidence: '',
    confidence: 'certain',
    changes,
  }
  const out = join(scratch(), 'checkpoint-30')
  await applyRepair(checkpoint, { ...plan, plan: [step] }, { kernel: referenceKernel, out })
  return out
}

const flat = ({ shape }: Tensor) => (shape.length > 1 ? [numel(shape)] : undefined)

describe('moments that were flattened', () => {
  it('get the shapes of their weights back, with every value, and the optimizer is not made anew', async () => {
    const { checkpoint, verification, plan } = await planned(await damaged(flat, 'optimizer'))
    const found = verification.findings.filter(({ rule }) => rule === 'optimizer/shape-mismatch')
    expect(found.map(({ message }) => message)).toEqual([expect.stringContaining('lie in one dimension')])
    expect(plan.plan.filter(({ kind }) => kind !== 'reshape')).toEqual([])
    const out = join(scratch(), 'mended')
    const result = await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
    expect(result.verdictAfter).toBe('complete')
    expect(await digests(await opened(out))).toEqual(await digests(await opened(SOUND)))
  })

  it('get them back together with the weights that were flattened as well', async () => {
    const { checkpoint, plan } = await planned(await damaged(flat, 'optimizer', 'weights'))
    const out = join(scratch(), 'mended')
    const result = await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
    expect(result.verdictAfter).toBe('complete')
    expect(await digests(await opened(out))).toEqual(await digests(await opened(SOUND)))
  })
})
