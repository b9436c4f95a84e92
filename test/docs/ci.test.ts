import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { assay } from '../cli/run'
import { goldenPath } from '../golden/cases'

const page = readFileSync(join(import.meta.dirname, '../../docs/ci.md'), 'utf8')
/** Every command of the page's blocks, as a shell would hand it over; where its output goes is left out. */
const commands = [...page.matchAll(/```(?:sh|yaml)\n([\s\S]*?)```/g)]
  .flatMap(([, block = '']) => [...block.matchAll(/\bassay (verify [^\n]*)/g)].map(([, line = '']) => line))
  .map((line) => line.replace(/ (>>?|\|\|).*$/, ''))

describe('the commands that docs/ci.md shows', () => {
  const run = dirname(goldenPath('trainer-gpt2'))
  const places: Record<string, string> = { 'runs/gpt2': run, 'checkpoint-500': goldenPath('trainer-gpt2') }

  test('are several', () => {
    expect(commands.length).toBeGreaterThan(3)
  })

  test.each(commands.filter((line) => !line.includes('--watch')))('assay %s', async (line) => {
    const argv = line.split(' ').map((word) => places[word] ?? word)
    const { status, stdout, stderr } = await assay(argv)
    expect(stderr).toBe('')
    expect(stdout).not.toBe('')
    expect(status).toBe(0)
  })
})
