import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { decodeValues } from '../../src/core/analysis/decode-values'
import { openCheckpoint } from '../../src/core/checkpoint/open'
import { readAll } from '../../src/core/checkpoint/values'

const folder = mkdtempSync(join(tmpdir(), 'assay-dtypes-'))
let expected: Record<string, Record<string, { shape: number[]; values: string }>>

beforeAll(() => {
  const python = process.env.ASSAY_PYTHON
  if (!python) throw new Error('Set ASSAY_PYTHON to a Python with torch and safetensors')
  execFileSync(python, [fileURLToPath(new URL('dtypes.py', import.meta.url)), folder])
  expected = JSON.parse(readFileSync(join(folder, 'expected.json'), 'utf8'))
})

afterAll(() => rmSync(folder, { recursive: true }))

describe('random bits of every dtype, in every kind of view', () => {
  it.each(['model.pt', 'model.safetensors'])('in %s widen to what torch widens them to, bit for bit', async (file) => {
    const checkpoint = await openCheckpoint(join(folder, file))
    const facts = Object.entries(expected[file] ?? {})
    expect(checkpoint.tensors.map(({ name, shape }) => `${name} ${shape}`).sort()).toEqual(
      facts.map(([name, { shape }]) => `${name} ${shape}`).sort(),
    )
    for (const tensor of checkpoint.tensors) {
      const values = decodeValues(tensor.dtype, await readAll(tensor, 10_000))
      const canonical = Float64Array.from(values, (v) => (Number.isNaN(v) ? NaN : v))
      expect(Buffer.from(canonical.buffer).toString('hex'), tensor.name).toBe(expected[file]?.[tensor.name]?.values)
    }
    checkpoint.close()
  })
})
