import { join } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { statistics, tensorRow, trainingState } from '../../src/contract/schemas'
import { goldenPath, type TrueTensor, truthOf } from '../golden/cases'
import { assay, assayJson } from './run'

const CASES = [
  'trainer-gpt2',
  'trainer-lora',
  'accelerate-plain',
  'accelerate-ddp2',
  'seed-style',
  'flattened',
  'rank-shard',
  'zero-size',
  'torch-zoo-dtypes',
  'torch-zoo-views',
  'torch-zoo-tied',
]

interface Shown {
  readonly name: string
  readonly file: string
  readonly sha256: string | null
}

/** The truth calls the second model of an Accelerate checkpoint `critic`; its file does not. */
function namedBy(truth: TrueTensor): (row: { name: string; file: string }) => boolean {
  const [critic, name] = truth.name.startsWith('critic.') ? [true, truth.name.slice(7)] : [false, truth.name]
  return (row) => row.name === name && critic === /_1\.(safetensors|bin)$/.test(row.file)
}

describe('assay show', () => {
  it.each(CASES)('lists the tensors of %s with their dtypes, shapes and digests', async (name) => {
    const { json, status } = await assayJson<{ tensors: Shown[] }>('show', goldenPath(name), '--tensors', '--sha256')
    for (const truth of truthOf(name).tensors) {
      const { dtype, shape, sha256 } = truth
      const row = json.tensors.find(namedBy(truth))
      expect(row).toMatchObject({ dtype, shape, sha256 })
      expect(tensorRow.omit({ index: true }).parse(row)).toBeTruthy()
    }
    expect(status).toBe(0)
  })

  it('leaves the tensors out unless asked for them', async () => {
    const { json } = await assayJson<{ tensors?: unknown; state: unknown }>('show', goldenPath('seed-style'))
    expect(json.tensors).toBeUndefined()
    expect(trainingState.parse(json.state)).toMatchObject({ step: 24, epoch: 3 })
  })

  it('narrows the list by a glob', async () => {
    const { json } = await assayJson<{ tensors: Shown[] }>('show', goldenPath('seed-style'), '--filter', 'h.?.ln_1.*')
    expect(json.tensors.map(({ name }) => name).sort()).toEqual(
      ['h.0.ln_1.bias', 'h.0.ln_1.weight', 'h.1.ln_1.bias', 'h.1.ln_1.weight'].sort(),
    )
  })

  it.each(['show', 'stats'])('is an error of %s where no name fits, and not a list of nothing', async (command) => {
    const { json, status } = await assayJson(command, goldenPath('seed-style'), '--filter', 'nope')
    expect(json).toMatchObject({ schema: 1, error: { code: 'usage', message: expect.stringContaining('No tensor') } })
    expect(status).toBe(2)
  })

  it('lists no tensors of a run, but says so', async () => {
    const { stderr, status } = await assay(['show', goldenPath('trainer-gpt2', 'data'), '--tensors'])
    expect(stderr).toContain('holds 3 checkpoints')
    expect(status).toBe(2)
  })

  it('lists the checkpoints of a run', async () => {
    const { json } = await assayJson<{ checkpoints: { name: string }[] }>('show', goldenPath('trainer-gpt2', 'data'))
    expect(json.checkpoints.map(({ name }) => name)).toEqual(['checkpoint-10', 'checkpoint-20', 'checkpoint-30'])
  })

  it('shows the training state and the tensors to people', async () => {
    const { stdout } = await assay(['show', goldenPath('trainer-gpt2'), '--tensors'])
    expect(stdout).toMatch(/optimizer +AdamW, step 30, 2 groups/)
    expect(stdout).toMatch(/transformer\.wte\.weight +float32 +\[\d+, \d+\]/)
  })

  it('escapes names that would act on a terminal, in text and in JSON', async () => {
    const path = goldenPath('hostile-st-ansi-name')
    const { stdout } = await assay(['show', path, '--tensors'])
    const { stdout: json } = await assay(['show', path, '--tensors', '--json'])
    expect(stdout).toContain('\\u001b[')
    for (const text of [stdout, json]) expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
  })
})

describe('assay stats', () => {
  it.each(CASES)('measures the tensors of %s as NumPy does', async (name) => {
    const { json } = await assayJson<{ tensors: (Shown & Record<string, number>)[] }>('stats', goldenPath(name))
    for (const truth of truthOf(name).tensors) {
      const row = json.tensors.find(namedBy(truth))
      expect(statistics.parse(row)).toMatchObject({ zeros: truth.zeros, nan: truth.nan, inf: truth.inf })
      for (const measure of ['min', 'max', 'mean', 'std', 'l2'] as const) {
        const expected = truth[measure]
        if (expected === null) expect(row?.[measure]).toBeNull()
        else
          expect(Math.abs((row?.[measure] ?? Number.NaN) - expected)).toBeLessThanOrEqual(
            1e-6 * Math.abs(expected) + 1e-12,
          )
      }
    }
  })

  it('counts binary exponents in JSON, which with all that has none make up the tensor, and draws them where asked', async () => {
    const path = goldenPath('trainer-gpt2')
    const { json } = await assayJson<{ tensors: unknown[] }>('stats', path)
    for (const row of json.tensors) {
      const { count, zeros, nan, inf, denormals = 0, exponents } = statistics.parse(row)
      const counted = [...(exponents?.positive ?? []), ...(exponents?.negative ?? [])].reduce((sum, n) => sum + n, 0)
      expect(counted + zeros + nan + inf + denormals).toBe(count)
    }
    expect((await assay(['stats', path])).stdout).not.toMatch(/[▁-█]/)
    expect((await assay(['stats', path, '--exponents', '--filter', '*wte*'])).stdout).toMatch(/-\d+ [▁-█·]+ -?\d+/)
  })

  it('says of each tensor that cannot be read why not, and measures the rest', async () => {
    const path = goldenPath('damaged-st-cut-middle')
    const { json, status } = await assayJson<{
      tensors: { name: string; error?: string; mean: number | null }[]
    }>('stats', path)
    const lost = json.tensors.filter(({ error }) => error !== undefined)
    expect(lost.length).toBeGreaterThan(0)
    expect(lost.length).toBeLessThan(json.tensors.length)
    expect(lost.every(({ mean }) => mean === null)).toBe(true)
    expect(status).toBe(2)
    const { stderr, ...text } = await assay(['stats', path])
    expect(text.status).toBe(2)
    expect(stderr).toContain(`${lost.length} of ${json.tensors.length} tensors cannot be read: ${lost[0]?.name}`)
    const whole = json.tensors.find(({ error }) => error === undefined)?.name
    expect((await assay(['stats', path, '--filter', `${whole}`])).status).toBe(0)
  })
})

describe('assay show, before the state', () => {
  it('says how many findings there are, and of a healthy checkpoint nothing', async () => {
    expect((await assay(['show', goldenPath('flattened')])).stdout).toMatch(
      /^ {2}4 errors.*; assay verify .* tells them$/m,
    )
    expect((await assay(['show', goldenPath('trainer-gpt2')])).stdout).not.toContain('assay verify')
  })
})

test('a state by itself is asked for nothing that lies beside it', async () => {
  const { stdout } = await assay(['verify', join(goldenPath('trainer-gpt2'), 'scheduler.pt')])
  expect(stdout).toContain('PARTIAL  nothing to resume from by itself')
  expect(stdout).not.toContain('missing')
})
