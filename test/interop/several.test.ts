import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assay, assayJson } from '../cli/run'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-several-'))
let undamaged: number[]
beforeAll(() => {
  undamaged = JSON.parse(python('several.py', 'make', join(folder, 'run')))
}, 120_000)
afterAll(() => rmSync(folder, { recursive: true }))

/** The last checkpoint without some files, repaired by the command; its path and how it resumes. */
async function repairedWithout(...lost: string[]) {
  const run = join(folder, lost.join('-'))
  cpSync(join(folder, 'run'), run, { recursive: true })
  const path = join(run, 'checkpoint_5')
  for (const file of lost) rmSync(join(path, file))
  const out = join(folder, `${lost.join('-')}-mended`)
  const { status, stderr } = await assay(['repair', path, '--out', out])
  expect([status, stderr]).toEqual([0, expect.anything()])
  const { json } = await assayJson<{ resume: { level: string } }>('verify', out)
  return { out, level: json.resume.level }
}

it('two models train on after the repair of one of their states, and each scheduler has the rates of its own', async () => {
  const mended = [
    await repairedWithout('scheduler.bin'),
    await repairedWithout('scheduler_1.bin'),
    await repairedWithout('scheduler.bin', 'scheduler_1.bin'),
    await repairedWithout('optimizer.bin'),
    await repairedWithout('optimizer_1.bin', 'scheduler.bin'),
  ]
  expect(mended.map(({ level }) => level)).toEqual(mended.map(() => 'stable'))
  const losses: number[][] = JSON.parse(python('several.py', 'resume', ...mended.map(({ out }) => out)))
  expect(losses.slice(0, 3)).toEqual([undamaged, undamaged, undamaged])
  for (const each of losses.slice(3)) {
    expect(each[0]).toBe(undamaged[0])
    expect(Math.max(...each.map((loss, i) => Math.abs(loss - (undamaged[i] as number))))).toBeLessThan(0.5)
  }
}, 300_000)
