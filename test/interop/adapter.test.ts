import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { exportWeights } from '../../src/core/repair/export'
import { exportOffers } from '../../src/core/repair/offers'
import { opened } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-adapter-'))
const CASES = ['linear', 'ranks', 'head', 'dora', 'conv1d']
afterAll(() => rmSync(folder, { recursive: true }))

describe('an export', () => {
  it('takes the adapter out of a model saved whole, as PEFT saves it, and ties what config.json ties', async () => {
    python('adapter.py', 'make', folder)
    for (const name of CASES) {
      const checkpoint = await opened(join(folder, name, 'full.pt'))
      const out = join(folder, name, 'extracted')
      expect(await exportOffers(checkpoint)).toMatchObject({ onlyAdapter: { alpha: true }, merge: false })
      await expect(exportWeights(checkpoint, out, { onlyAdapter: true })).rejects.toMatchObject({
        code: 'usage',
        message: expect.stringContaining('adapter_config.json'),
      })
      await exportWeights(checkpoint, out, { onlyAdapter: true, loraAlpha: 12 })
      expect(readdirSync(out).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors'])
    }
    const tied = await opened(join(folder, 'tied'))
    expect(await exportOffers(tied)).toMatchObject({ tie: true })
    await exportWeights(tied, join(folder, 'tied.bin'), { tie: true })
    await exportWeights(tied, join(folder, 'tied.safetensors'), { tie: true })
    const all = [...CASES, 'tied']
    expect(JSON.parse(python('adapter.py', 'check', folder, ...all))).toEqual(
      Object.fromEntries(all.map((name) => [name, []])),
    )
  })
})
