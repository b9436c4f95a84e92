import { cpSync, mkdtempSync, renameSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { main } from '../../src/cli/main'
import { goldenPath } from '../golden/cases'
import { assay } from './run'

test('assay verify --watch tells a verdict for each checkpoint as it arrives, until it is interrupted', async () => {
  const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
  const source = dirname(goldenPath('trainer-gpt2'))
  const interrupt = new AbortController()
  const lines: string[] = []
  const watching = main(['verify', run, '--watch', '--quiet', '0.1', '--json'], {
    stdout: {
      write(text: string) {
        lines.push(text)
        if (lines.length === 2) interrupt.abort()
        else arrive('checkpoint-20')
      },
    },
    stderr: { write: (text: string) => text.startsWith('Watching') && setTimeout(arrive, 150, 'checkpoint-10') },
    env: {},
    folder: run,
    signal: interrupt.signal,
  })
  function arrive(name: string): void {
    cpSync(join(source, name), join(run, `tmp-${name}`), { recursive: true })
    renameSync(join(run, `tmp-${name}`), join(run, name))
  }
  await watching
  const told = lines.map((line) => JSON.parse(line))
  expect(told.map(({ path, verdict, step }) => [path, verdict, step])).toEqual([
    [join(run, 'checkpoint-10'), 'complete', 10],
    [join(run, 'checkpoint-20'), 'complete', 20],
  ])
})

test('assay verify --watch takes one folder, and no form that has an end', async () => {
  expect((await assay(['verify', '--watch'])).status).toBe(2)
  expect((await assay(['verify', '--watch', '.', '--format', 'sarif'])).status).toBe(2)
})
