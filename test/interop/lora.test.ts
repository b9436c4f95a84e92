import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { exportWeights } from '../../src/core/repair/export'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-lora-'))
const CASES = [
  ...['plain', 'rslora', 'patterns', 'conv1d', 'embedding', 'saved', 'bfloat16', 'float16'],
  ...['biases', 'all biases', 'convolutions', 'convolution biases', 'half convolutions'],
  ...['dora', 'dora convolutions', 'dora conv1d', 'dora embedding', 'dora patterns', 'dora bfloat16'],
]

/** Merges the adapter of a case into its base, in shards where the case is `plain`. */
async function merge(name: string): Promise<void> {
  const base = await openCheckpoint(join(folder, name, 'base'))
  const adapter = await openCheckpoint(join(folder, name, 'adapter'))
  try {
    mkdirSync(join(folder, name), { recursive: true })
    await exportWeights(base, join(folder, name, 'merged'), { adapter })
  } finally {
    base.close()
    adapter.close()
  }
}

beforeAll(() => void python('lora.py', 'make', folder))
afterAll(() => rmSync(folder, { recursive: true }))

describe('a LoRA adapter merged into its base', () => {
  it('has the values that PEFT merges it to', async () => {
    for (const name of CASES) await merge(name)
    const facts = JSON.parse(python('lora.py', 'compare', folder, ...CASES))
    for (const name of CASES) {
      const { changed, missing, worst } = facts[name]
      expect(changed, name).toBeGreaterThan(0)
      expect(missing, name).toEqual([])
      // Bit-equal where the matrix product adds in order with fused multiply-adds; another processor's may differ in the last place.
      expect(worst, name).toBeLessThanOrEqual(4)
    }
  })

  it('is refused in words where it is of a grouped convolution, which PEFT refuses as well', async () => {
    await expect(merge('grouped')).rejects.toMatchObject({ code: 'usage', message: expect.stringMatching(/grouped/) })
  })
})
