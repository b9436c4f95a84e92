import { cpSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Verification, verification } from '../../src/contract/schemas'
import { goldenPath, truthOf } from '../golden/cases'
import { assay, assayJson } from './run'

const CASES = [
  'trainer-gpt2',
  'trainer-lora',
  'trainer-lora-config-missing',
  'trainer-lora-weights-missing',
  'trainer-lora-only-test-txt',
  'accelerate-plain',
  'accelerate-ddp2',
  'accelerate-ddp2-rng1-missing',
  'seed-style',
  'seed-style-weights-only',
  'flattened',
  'rank-shard',
  'zero-size',
]
const STATUS = { complete: 0, partial: 1, broken: 1 }

interface RunDocument {
  readonly path: string
  readonly checkpoints: readonly Verification[]
  readonly lastGood: string | null
}

describe('assay verify', () => {
  it.each(CASES)('gives %s its true verdict and components', async (name) => {
    const { expect: truth } = truthOf(name)
    const { status, json, stdout } = await assayJson<Verification>('verify', goldenPath(name))
    expect(stdout.startsWith('{"schema":1,')).toBe(true)
    expect(verification.parse(json)).toBeTruthy()
    expect(json.verdict).toBe(truth.verdict)
    expect(Object.fromEntries(json.components.map(({ id, status }) => [id, status]))).toEqual(truth.components)
    expect(json.step ?? null).toBe(truth.step)
    expect(status).toBe(STATUS[truth.verdict])
  })

  it('gives a row for each checkpoint of a run and names the last good one', async () => {
    const path = dirname(goldenPath('trainer-gpt2'))
    const { status, json } = await assayJson<RunDocument>('verify', path)
    expect(json.checkpoints.map(({ step, verdict }) => [step, verdict])).toEqual([
      [10, 'complete'],
      [20, 'complete'],
      [30, 'complete'],
    ])
    expect(json).toMatchObject({ path, lastGood: goldenPath('trainer-gpt2') })
    expect(status).toBe(0)
  })

  it('goes back to an earlier checkpoint of the run when the last is broken', async () => {
    const run = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(dirname(goldenPath('trainer-gpt2')), run, { recursive: true })
    writeFileSync(join(run, 'checkpoint-30/model.safetensors'), '')
    const { status, json } = await assayJson<RunDocument>('verify', run, '--deep')
    expect(json.checkpoints.map(({ verdict, deep }) => [verdict, deep])).toEqual([
      ['complete', true],
      ['complete', true],
      ['broken', true],
    ])
    expect(json.lastGood).toBe(join(run, 'checkpoint-20'))
    expect(status).toBe(1)
  })

  it('takes several paths and goes on when one cannot be read', async () => {
    const paths = [goldenPath('seed-style'), '/there/is/nothing', goldenPath('flattened')]
    const { status, json, stderr } = await assayJson<RunDocument>('verify', ...paths)
    expect(json.checkpoints.map(({ path }) => path)).toEqual(paths)
    expect(json.checkpoints[1]).toMatchObject({ error: { code: 'file/unreadable' } })
    expect(json.lastGood).toBeNull()
    expect(stderr).toContain('/there/is/nothing')
    expect(status).toBe(2)
  })

  it('names a last good one only of checkpoints that lie side by side, whatever their order', async () => {
    const [last, first] = [goldenPath('trainer-gpt2'), join(dirname(goldenPath('trainer-gpt2')), 'checkpoint-10')]
    expect((await assayJson<RunDocument>('verify', last, first)).json.lastGood).toBe(last)
    const unrelated = await assay(['verify', last, goldenPath('seed-style'), goldenPath('flattened')])
    expect(unrelated.stdout).toContain('Training can resume exactly from 2 of 3.')
    expect(unrelated.stdout).not.toContain('Last good')
  })

  it('heads no list with the root of the file system', async () => {
    const { stdout } = await assay(['verify', '/there/is/nothing', goldenPath('seed-style')])
    expect(stdout.trimStart().startsWith('/there/is/nothing')).toBe(true)
  })

  it('finds non-finite values only when it reads them', async () => {
    const path = goldenPath('damaged-st-nonfinite')
    const rules = async (...more: string[]) => {
      const { json } = await assayJson<Verification>('verify', path, ...more)
      return json.findings.map(({ rule, subject }) => `${rule} ${subject}`)
    }
    const found = ['weights/non-finite fc1.weight', 'weights/non-finite fc2.weight']
    expect(await rules()).not.toEqual(expect.arrayContaining(found))
    expect(await rules('--deep')).toEqual(expect.arrayContaining(found))
  })

  it('counts warnings as errors when asked to be strict', async () => {
    const path = goldenPath('damaged-loss-nan')
    expect((await assay(['verify', path])).status).toBe(0)
    expect((await assay(['verify', path, '--strict'])).status).toBe(1)
  })

  it('tells people what is wrong in a table and a few lines', async () => {
    const { stdout, stderr } = await assay(['verify', goldenPath('flattened')])
    expect(stdout).toContain('BROKEN  does not resume')
    expect(stdout).toMatch(/Weights +damaged +model\.safetensors/)
    expect(stdout).toContain('error weights/flattened × 4')
    expect(stdout).toContain('→ Reshape to [1280, 128, 3]')
    expect(stderr).toBe('')
  })

  it('writes no escape codes into a pipe, and does when told to', async () => {
    const start = String.fromCharCode(27)
    const argv = ['verify', goldenPath('seed-style')]
    expect((await assay(argv)).stdout).not.toContain(start)
    expect((await assay(argv, { FORCE_COLOR: '1' })).stdout).toContain(start)
    expect((await assay(argv, { FORCE_COLOR: '1', NO_COLOR: '1' })).stdout).not.toContain(start)
  })
})

describe('assay verify --reference', () => {
  const [partly, whole] = ['checkpoint', 'reference'].map((each) => goldenPath('frozen-missing', `data/${each}`))

  it('misses what the reference has', async () => {
    const { status, json } = await assayJson<Verification>('verify', partly as string, '--reference', whole as string)
    expect(status).toBe(1)
    expect(json.verdict).toBe('broken')
    const missing = json.findings.filter(({ rule }) => rule === 'weights/missing-tensor')
    expect(missing.map(({ subject }) => subject)).toEqual([0, 1, 2, 3].map((i) => `vision.${i}.weight`))
    expect(missing[0]).toMatchObject({ severity: 'error', evidence: { shape: [64, 64], source: 'reference' } })
  })

  it('finds nothing missing where the reference has no more', async () => {
    const { json } = await assayJson<Verification>('verify', whole as string, '--reference', partly as string)
    expect(json.findings.filter(({ rule }) => rule.startsWith('weights/'))).toEqual([])
  })

  it('refuses a reference of another model', async () => {
    const { status, stderr } = await assay(['verify', partly as string, '--reference', goldenPath('trainer-gpt2')])
    expect(status).toBe(2)
    expect(stderr).toContain('no tensor in common')
  })

  it('is what a repair goes by', async () => {
    const { json } = await assayJson('repair', partly as string, '--reference', whole as string, '--dry-run')
    expect(json).toMatchObject({ verdictBefore: 'broken' })
  })
})
