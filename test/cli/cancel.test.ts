import { cpSync, mkdtempSync, readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { main } from '../../src/cli/main'
import { goldenPath } from '../golden/cases'

/** Runs a command that is interrupted before it has done anything. */
async function interrupted(argv: readonly string[], folder: string) {
  let [stdout, stderr] = ['', '']
  const status = await main(argv, {
    stdout: { write: (text) => (stdout += text) },
    stderr: { write: (text) => (stderr += text) },
    env: { NO_COLOR: '1' },
    folder,
    signal: AbortSignal.abort(),
  })
  return { status, stdout, stderr }
}

describe('a command that is interrupted', () => {
  it.each([
    [['repair', 'model', '--out', 'mended'], 'assay: repair was cancelled: nothing was written\n'],
    [['repair', 'model', '--in-place'], 'assay: repair was cancelled: every file is as it was before\n'],
    [['export', 'model', '--out', 'out.safetensors'], 'assay: export was cancelled: nothing was written\n'],
    [['verify', 'model', '--deep'], 'assay: verify was cancelled\n'],
  ])('says in a line what that leaves: %j', async (argv, line) => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(goldenPath('flattened'), join(folder, 'model'), { recursive: true })
    const before = readdirSync(join(folder, 'model'))
    expect(await interrupted(argv, folder)).toEqual({ status: 130, stdout: '', stderr: line })
    expect(readdirSync(folder)).toEqual(['model'])
    expect(readdirSync(join(folder, 'model'))).toEqual(before)
  })

  it('still says what else went wrong', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-test-'))
    const { status, stderr } = await interrupted(['repair', 'nothing', '--dry-run'], folder)
    expect([status, stderr]).toEqual([130, expect.stringContaining('nothing')])
    expect(stderr).not.toContain('cancelled')
  })
})
