import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { referenceKernel } from '../../../src/core/analysis/reference'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { verify } from '../../../src/core/verify/verify'
import { goldenPath } from '../../golden/cases'

let folder = ''
const file = () => join(folder, 'training_args.bin')

beforeEach(() => {
  const original = goldenPath('trainer-gpt2')
  folder = join(mkdtempSync(join(tmpdir(), 'assay-test-')), basename(original))
  cpSync(original, folder, { recursive: true })
})
afterEach(() => rmSync(join(folder, '..'), { recursive: true }))

async function verified() {
  const checkpoint = await openCheckpoint(folder)
  try {
    return await verify(checkpoint, { kernel: referenceKernel })
  } finally {
    checkpoint.close()
  }
}

test('a Trainer resumes exactly without the arguments that it writes and never reads', async () => {
  const whole = readFileSync(file())
  const damages = {
    'file/empty': new Uint8Array(),
    'file/zeroed': new Uint8Array(whole.length),
    'file/truncated': whole.subarray(0, whole.length / 2),
  }
  for (const [rule, bytes] of Object.entries(damages)) {
    writeFileSync(file(), bytes)
    const { verdict, resume, findings } = await verified()
    const own = findings.filter(({ subject }) => subject === 'training_args.bin')
    expect(own.map((each) => [each.rule, each.severity])).toEqual([[rule, 'warning']])
    expect(own[0]?.message).toContain('Resuming does not read it')
    expect([verdict, resume.level]).toEqual(['complete', 'exact'])
  }
})

test('arguments that run code are an error all the same', async () => {
  writeFileSync(file(), readFileSync(goldenPath('hostile-os-system')))
  const { verdict, findings } = await verified()
  expect(findings[0]).toMatchObject({ rule: 'pickle/dangerous', severity: 'error' })
  expect(verdict).toBe('broken')
})
