import { readFileSync, writeFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { goldenPath } from '../../golden/cases'
import { copyOf } from './copy-of'

const { path, verified } = copyOf('trainer-gpt2')
const file = () => path('training_args.bin')

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
