import { copyFileSync, mkdtempSync, rmSync, statSync, truncateSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { referenceKernel } from '../../src/core/analysis/reference'
import { applyRepair } from '../../src/core/repair/apply'
import { planned } from '../core/repair/cases'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-salvage-'))
afterAll(() => rmSync(folder, { recursive: true }))

/** What is saved of a copy that ends after `bytes`; undefined where nothing is. */
async function saved(name: string, bytes: number): Promise<{ path: string; lost: readonly string[] } | undefined> {
  const path = join(folder, `${bytes}-${name}`)
  copyFileSync(join(folder, name), path)
  truncateSync(path, bytes)
  const { checkpoint, plan } = await planned(path)
  const out = join(folder, `mended-${bytes}-${name}`)
  const { applied } = await applyRepair(checkpoint, plan, { kernel: referenceKernel, out })
  return applied ? { path: out, lost: plan.plan[0]?.gone ?? [] } : undefined
}

describe('a training dict that was cut off', () => {
  it('loads in PyTorch with every tensor that lies before the cut, and trains on', async () => {
    const ends: Record<string, number> = JSON.parse(python('salvage.py', 'make', folder))
    const made: { name: string; bytes: number; path: string; lost: readonly string[] }[] = []
    for (const name of ['training.pt', 'legacy.pt']) {
      const { size } = statSync(join(folder, name))
      for (const share of [0.35, 0.45, 0.6, 0.75, 0.85, 0.95, 1]) {
        const bytes = Math.floor(size * share) - 1
        const found = await saved(name, bytes)
        if (found) made.push({ name, bytes, ...found })
      }
    }
    expect(made.map(({ name }) => name)).toEqual(expect.arrayContaining(['training.pt', 'legacy.pt']))
    const loaded: string[][] = JSON.parse(
      python('salvage.py', 'check', ...made.flatMap(({ name, path }) => [join(folder, name), path])),
    )
    for (const [i, { name, bytes, lost }] of made.entries()) {
      const there = loaded[i] ?? []
      expect(there.length).toBeGreaterThan(0)
      expect(there.filter((each) => lost.includes(each.replace(/^model\./, '')))).toEqual([])
      if (name !== 'training.pt') continue
      const states = (state: string) => Object.keys(ends).filter((each) => each.startsWith(state))
      const whole = Object.keys(ends).filter((each) => {
        const [state] = /^optimizer\.state\.\d+\./.exec(each) ?? []
        return (state === undefined ? [each] : states(state)).every((one) => (ends[one] ?? 0) <= bytes)
      })
      expect(there).toEqual(whole)
    }
  })
})
