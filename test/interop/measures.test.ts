import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Comparison, Kernel, Statistics } from '../../src/core/analysis/kernel'
import { pooledKernel } from '../../src/core/analysis/pool/kernel'
import { Pool } from '../../src/core/analysis/pool/pool'
import { referenceKernel } from '../../src/core/analysis/reference'
import { statisticsOf } from '../../src/core/analysis/statistics'
import type { Checkpoint } from '../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import type { Tensor } from '../../src/core/checkpoint/tensor'
import { compareTensors } from '../../src/core/diff/compare'
import { goldenPath } from '../golden/cases'
import { python } from './python'

const CLOSE = 1e-9

interface Facts {
  readonly statistics: Statistics & { readonly dtype: string }
  readonly comparison: Omit<Comparison, 'beyond'>
}

const folder = mkdtempSync(join(tmpdir(), 'assay-measures-'))
const pooled = pooledKernel(new Pool(2))
let expected: Map<string, Facts>
let a: Checkpoint
let b: Checkpoint

beforeAll(async () => {
  const run = goldenPath('trainer-gpt2', 'data')
  python('measures.py', folder, join(run, 'checkpoint-20'), join(run, 'checkpoint-30'))
  expected = new Map(Object.entries(JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))))
  a = await openCheckpoint(join(folder, 'a.safetensors'))
  b = await openCheckpoint(join(folder, 'b.safetensors'))
})

afterAll(() => {
  a.close()
  b.close()
  pooled.close()
  rmSync(folder, { recursive: true })
})

function near(found: number | null, wanted: number | null, scale: number, what: string): void {
  if (found === null || wanted === null) expect(found, what).toBe(wanted)
  else expect(Math.abs(found - wanted), `${what}: ${found}, ${wanted}`).toBeLessThanOrEqual(CLOSE * scale)
}

describe.each([
  ['SIMD in threads', pooled],
  ['the reference', referenceKernel],
] as const)('two saves of a training in every dtype, NaN and denormals among them, by %s', (_, kernel) => {
  it('have the statistics and the exponents that NumPy finds', async () => {
    expect(a.tensors.length).toBe(expected.size)
    for (const tensor of a.tensors) sameStatistics(tensor, await statisticsOf(tensor, kernel, { exponents: true }))
  })

  it('differ as NumPy says, one dtype from another too', async () => {
    const others = new Map(b.tensors.map((tensor) => [tensor.name, tensor]))
    for (const tensor of a.tensors) await sameComparison(tensor, others.get(tensor.name) as Tensor, kernel)
  })
})

function sameStatistics({ name }: Tensor, found: Statistics): void {
  const { dtype: _, mean, std, l2, ...exact } = (expected.get(name) as Facts).statistics
  expect(found, name).toMatchObject(exact)
  near(found.mean, mean, Math.max(Math.abs(mean ?? 0), std ?? 0), `mean of ${name}`)
  near(found.std, std, std ?? 0, `std of ${name}`)
  near(found.l2, l2, l2 ?? 0, `L2 of ${name}`)
}

async function sameComparison(one: Tensor, other: Tensor, kernel: Kernel): Promise<void> {
  const found = await compareTensors(one, other, { kernel, ulp: true })
  const { meanAbs, rms, relL2, cosine, ...exact } = (expected.get(one.name) as Facts).comparison
  expect(found, one.name).toMatchObject(exact)
  near(found.meanAbs, meanAbs, meanAbs, `mean of ${one.name}`)
  near(found.rms, rms, rms, `rms of ${one.name}`)
  near(found.relL2, relL2, relL2 ?? 0, `relative L2 of ${one.name}`)
  near(found.cosine, cosine, 1, `cosine of ${one.name}`)
}
