import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { RuleText, RunFacts, Verification } from '../../src/contract/schemas'
import { RULES } from '../../src/core/finding'
import { goldenPath } from '../golden/cases'
import { assay, assayJson } from './run'

const format = async (name: string, ...paths: string[]) => assay(['verify', ...paths, '--format', name])
const healthy = goldenPath('trainer-gpt2')
const flattened = goldenPath('flattened-whisper')
const hostile = goldenPath('hostile-st-ansi-name')

describe('as SARIF', () => {
  interface Sarif {
    readonly $schema: string
    readonly version: string
    readonly runs: readonly {
      readonly tool: { readonly driver: { readonly name: string; readonly rules: readonly { readonly id: string }[] } }
      readonly invocations: readonly { readonly executionSuccessful: boolean }[]
      readonly results: readonly {
        readonly ruleId: string
        readonly ruleIndex: number
        readonly level: string
        readonly message: { readonly text: string }
        readonly locations: readonly {
          readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } }
        }[]
      }[]
    }[]
  }
  const sarif = async (...paths: string[]) => JSON.parse((await format('sarif', ...paths)).stdout) as Sarif

  it('is a log of one run with a result for every finding', async () => {
    const { json } = await assayJson<Verification>('verify', flattened)
    const log = await sarif(flattened)
    expect(Object.keys(log)).toEqual(['$schema', 'version', 'runs'])
    expect(log.version).toBe('2.1.0')
    const [run] = log.runs
    expect(run?.results).toHaveLength(json.findings.length)
    for (const { ruleId, ruleIndex, level, message, locations } of run?.results ?? []) {
      expect(run?.tool.driver.rules[ruleIndex]?.id).toBe(ruleId)
      expect(['error', 'warning', 'note']).toContain(level)
      expect(message.text).not.toBe('')
      const [place] = locations
      expect(place?.physicalLocation.artifactLocation.uri).toMatch(/^(test\/golden|file:\/\/)/)
    }
  })

  it('says of a path that could not be read that the run was no success', async () => {
    const log = await sarif(healthy, '/there/is/nothing')
    expect(log.runs[0]?.invocations[0]).toMatchObject({
      executionSuccessful: false,
      toolExecutionNotifications: [{ level: 'error' }],
    })
  })
})

describe('as JUnit', () => {
  it('fails no case of a checkpoint that resumes exactly', async () => {
    const { stdout, status } = await format('junit', healthy)
    expect(stdout).toContain('<testsuites name="assay verify" tests="1" failures="0" errors="0">')
    expect(status).toBe(0)
  })

  it('fails the checkpoint once, and once for each rule', async () => {
    const { stdout, status } = await format('junit', flattened, '/there/is/nothing')
    expect(stdout).toMatch(/<testsuites name="assay verify" tests="\d+" failures="[1-9]\d*" errors="1">/)
    expect(stdout.match(/name="weights\/flattened"/g)).toHaveLength(1)
    expect(status).toBe(2)
  })

  it('is well-formed, whatever names a file brings', async () => {
    for (const path of [healthy, flattened, hostile, goldenPath('hostile-st-proto')]) {
      expect(unclosed((await format('junit', path)).stdout)).toEqual([])
    }
  })
})

describe('for people', () => {
  it('folds what repeats into one entry with a count and a list', async () => {
    const { stdout } = await format('markdown', flattened)
    expect(stdout).toMatch(/<details><summary>error <b>weights\/flattened<\/b> × \d\d: /)
    expect(stdout).toContain('- and ')
    expect(stdout).toContain('**BROKEN**')
  })

  it('gives a run a table', async () => {
    const { stdout } = await format('markdown', dirname(healthy))
    expect(stdout).toContain('| checkpoint | step | verdict | findings |')
    expect(stdout).toContain('Last good: ')
  })

  it('writes a page that runs nothing and fetches nothing', async () => {
    const { stdout } = await format('html', flattened, hostile)
    expect(stdout.startsWith('<!doctype html>')).toBe(true)
    expect(stdout).not.toMatch(/<script|<img|<link|src=|https?:/)
    expect(stdout).toContain('<b class="broken">BROKEN</b>')
  })
})

describe('of a run', () => {
  type RunJson = RunFacts & { readonly checkpoints: readonly Verification[] }
  const run = dirname(healthy)
  const facts = ['resume_from_checkpoint=True would pick checkpoint-30', 'On disk: ']

  it.each(['text', 'markdown', 'html', 'sarif', 'junit'])(
    '%s carries what its checkpoints tell together',
    async (name) => {
      const { stdout } = await format(name, run)
      const plain = stdout.replaceAll('\\_', '_')
      for (const fact of [...facts, 'Last good: ']) expect(plain).toContain(fact)
    },
  )

  it('SARIF keeps them as values too', async () => {
    const [log] = JSON.parse((await format('sarif', run)).stdout).runs
    expect(log.properties).toMatchObject({ lastGood: healthy, interval: 10, gaps: [], trainerPick: { wise: true } })
  })

  it('JUnit fails the run whose last checkpoint would be picked unwisely', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(run, copy, { recursive: true })
    writeFileSync(join(copy, 'checkpoint-30/model.safetensors'), '')
    expect((await format('junit', run)).stdout).toContain('failures="0" errors="0">')
    const { stdout } = await format('junit', copy)
    expect(stdout).toMatch(/name="resume_from_checkpoint=True would pick wisely"><failure/)
    expect(unclosed(stdout)).toEqual([])
  })

  it('whose pointer names nothing is told in every form, with the status that goes with it', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(run, copy, { recursive: true })
    writeFileSync(join(copy, 'latest'), 'global_step99')
    const told = 'latest names "global_step99", and there is no global_step99 here'
    for (const name of ['text', 'markdown', 'html', 'sarif', 'junit', 'json']) {
      const { stdout, status } = await format(name, copy)
      const plain = stdout.replaceAll(/\\"|&quot;/g, '"').replaceAll('\\_', '_')
      expect([name, plain.includes(told), status]).toEqual([name, true, 1])
    }
    const [log] = JSON.parse((await format('sarif', copy)).stdout).runs
    expect(log.results).toMatchObject([{ ruleId: 'trainer/stale-pointer', ruleIndex: 0, level: 'warning' }])
    expect(log.results[0].locations[0].physicalLocation.artifactLocation.uri).toMatch(/latest$/)
    expect((await format('junit', copy)).stdout).toMatch(/name="what points to a checkpoint leads to one"><failure/)
    const off = await assay(['verify', copy, '--rule', 'trainer/stale-pointer=off', '--format', 'junit'])
    expect([off.status, off.stdout.includes('<failure')]).toEqual([0, false])
    expect((await assay(['verify', copy, healthy])).status).toBe(1)
  })

  it('with one broken checkpoint has the status of its findings, and reading values changes what it tells of the run', async () => {
    const copy = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(run, copy, { recursive: true })
    const weights = join(copy, 'checkpoint-30/model.safetensors')
    const bytes = readFileSync(weights)
    // A NaN of float32 in the last value of all: only who reads values sees it.
    bytes.writeUInt32LE(0x7fc00000, bytes.length - 4)
    writeFileSync(weights, bytes)
    const quick = await assayJson<RunJson>('verify', copy)
    expect([quick.status, quick.json.lastGood]).toEqual([0, join(copy, 'checkpoint-30')])
    const deep = await assayJson<RunJson>('verify', copy, '--deep')
    expect(deep.json.checkpoints.map((row) => row.verdict)).toEqual(['complete', 'complete', 'broken'])
    expect([deep.status, deep.json.lastGood]).toEqual([1, join(copy, 'checkpoint-20')])
    expect(deep.json.trainerPick).toMatchObject({ name: 'checkpoint-30', wise: false })
  })
})

describe('rules', () => {
  it('are all listed with what they mean and what mends them', async () => {
    const { json } = await assayJson<{ rules: RuleText[] }>('verify', '--rules')
    expect(json.rules.map(({ id }) => id)).toEqual(Object.keys(RULES))
    const { stdout, status } = await assay(['verify', '--rules'])
    for (const { id, means, mends } of json.rules) for (const text of [id, means, mends]) expect(stdout).toContain(text)
    expect(status).toBe(0)
  })

  it('can be switched off, and what they look for is not asked for then', async () => {
    const path = goldenPath('seed-style-weights-only')
    const off = ['optimizer', 'scheduler', 'rng'].flatMap((id) => ['--rule', `${id}/missing=off`])
    expect((await assay(['verify', path])).status).toBe(1)
    const { json, status } = await assayJson<Verification>('verify', path, ...off)
    expect(json.findings.filter(({ rule }) => rule.endsWith('/missing'))).toEqual([])
    expect(json.verdict).toBe('complete')
    expect(status).toBe(0)
  })

  it('can be given another severity', async () => {
    const path = goldenPath('damaged-loss-jump')
    const { json } = await assayJson<Verification>('verify', path, '--rule', 'trainer/loss-jump=info')
    expect(json.findings.find(({ rule }) => rule === 'trainer/loss-jump')?.severity).toBe('info')
  })

  it('are read from a file beside the checkpoints of a run', async () => {
    const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(goldenPath('seed-style-weights-only'), join(run, 'one'), { recursive: true })
    const rules = { 'optimizer/missing': 'off', 'scheduler/missing': 'off', 'rng/missing': 'off' }
    writeFileSync(join(run, '.assay.json'), JSON.stringify({ rules }))
    expect((await assay(['verify', join(run, 'one')])).status).toBe(0)
    writeFileSync(join(run, '.assay.json'), '{"rules": {"optimizer/mising": "off"}}')
    const misspelt = await assay(['verify', join(run, 'one')])
    expect(misspelt.status).toBe(2)
    expect(misspelt.stderr).toContain('There is no rule optimizer/mising')
  })

  it.skipIf(process.platform === 'win32')('are not waited for where their file is a pipe', async () => {
    const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
    execFileSync('mkfifo', [join(run, '.assay.json')])
    const { status, stderr } = await assay(['verify', run])
    expect(status).toBe(2)
    expect(stderr).toContain('it is no file')
  })

  it('that only warn let a checkpoint pass, unless a flag or the file says strict', async () => {
    const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(goldenPath('damaged-loss-jump'), join(run, 'checkpoint-30'), { recursive: true })
    const path = join(run, 'checkpoint-30')
    expect((await assay(['verify', path])).status).toBe(0)
    expect((await assay(['verify', path, '--strict'])).status).toBe(1)
    expect((await assay(['verify', path, '--strict', '--rule', 'trainer/loss-jump=info'])).status).toBe(0)
    writeFileSync(join(run, '.assay.json'), '{"strict": true}')
    expect((await assay(['verify', path])).status).toBe(1)
  })

  it('must exist and be given a severity', async () => {
    expect((await assay(['verify', healthy, '--rule', 'no/such=off'])).status).toBe(2)
    expect((await assay(['verify', healthy, '--rule', 'trainer/loss-jump=never'])).status).toBe(2)
  })
})

/** Elements of a document that are closed in another order than they were opened, and bare characters that must not be. */
function unclosed(xml: string): string[] {
  const open: string[] = []
  const wrong: string[] = []
  for (const [tag, close, name, empty] of xml
    .replace(/^<\?.*?\?>/, '')
    .matchAll(/<(\/?)([\w-]+)(?:\s[^<>]*?)?(\/?)>/g)) {
    if (empty === '/') continue
    if (close === '') open.push(name as string)
    else if (open.pop() !== name) wrong.push(tag)
  }
  const rest = xml.replace(/<[^<>]*>/g, '')
  return [...wrong, ...open, ...(rest.match(/[<>]|&(?!amp;|lt;|gt;|quot;)/g) ?? [])]
}
