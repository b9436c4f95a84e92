import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { assay } from '../cli/run'
import { python } from './python'

const folder = mkdtempSync(join(tmpdir(), 'assay-twins-'))
beforeAll(() => {
  python('twins.py', 'make', join(folder, 'run'))
}, 60_000)
afterAll(() => rmSync(folder, { recursive: true }))

it('a moment is taken from its own optimizer in another save, not from one of the same shapes in the same file', async () => {
  const mended = join(folder, 'mended')
  const { stdout } = await assay(['repair', join(folder, 'run', 'checkpoint-20'), '--deep', '--out', mended])
  expect(stdout).toContain('Take exp_avg_sq of parameter 0 from checkpoint-10')
  expect(JSON.parse(python('twins.py', 'check', join(folder, 'run'), mended))).toEqual(['q2'])
}, 60_000)
