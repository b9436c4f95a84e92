import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type History, history } from '../../src/contract/schemas'
import { goldenPath, truthOf } from '../golden/cases'
import { assay, assayJson } from './run'

const number = (value: number | string) => (typeof value === 'string' ? value.toLowerCase() : value)

it.each(['trainer-gpt2', 'trainer-lora', 'seed-style', 'damaged-loss-nan'])(
  'prints the loss and the learning rate that %s remembers',
  async (name) => {
    const truth = truthOf(name)
    const { json, status } = await assayJson<History>('history', goldenPath(name))
    expect(history.parse(json)).toBeTruthy()
    expect(json.loss.map(({ step, value }) => [step, number(value)])).toEqual(truth.loss)
    for (const [step, rate] of truth.lr) {
      const point = json.learningRate.find((one) => one.step === step)
      expect(Number(point?.value)).toBeCloseTo(Number(rate), 9)
    }
    expect(status).toBe(0)
  },
)

it('leaves the learning rate out where only a Python function knew it', async () => {
  const { json } = await assayJson<History>('history', goldenPath('accelerate-plain'))
  expect(json.loss.map(({ step, value }) => [step, value])).toEqual(truthOf('accelerate-plain').loss)
  expect(json.learningRate).toEqual([])
})

it('prints a table of points as CSV', async () => {
  const { stdout } = await assay(['history', goldenPath('trainer-gpt2'), '--csv'])
  const [head, first] = stdout.split('\n')
  expect(head).toBe('series,step,value')
  expect(first).toMatch(/^loss,1,3\.91261/)
})

it('names NaN in CSV and in text', async () => {
  expect((await assay(['history', goldenPath('damaged-loss-nan'), '--csv'])).stdout).toContain('loss,24,NaN\n')
  expect((await assay(['history', goldenPath('damaged-loss-nan')])).stdout).toMatch(/loss .*NaN/)
})

it('says so where nothing is remembered', async () => {
  const { stdout, status } = await assay(['history', goldenPath('flattened')])
  expect(stdout).toContain('no loss')
  expect(status).toBe(0)
})

it('merges the checkpoints of a run', async () => {
  const { json, status } = await assayJson<History>(
    'history',
    goldenPath('trainer-gpt2').replace(/\/checkpoint-\d+$/, ''),
  )
  expect(history.parse(json)).toBeTruthy()
  expect(json.loss.map(({ step, value }) => [step, value])).toEqual(truthOf('trainer-gpt2').loss)
  expect(json.schedule).toMatchObject({ kind: 'cosine', basis: 'arguments', logged: { compared: 30, differing: 0 } })
  expect([json.resumes, json.abandoned, json.spikes]).toEqual([[], [], []])
  expect(status).toBe(0)
})

describe('several runs below a folder', () => {
  const folder = mkdtempSync(join(tmpdir(), 'assay-runs-'))
  afterAll(() => rmSync(folder, { recursive: true }))
  cpSync(goldenPath('trainer-gpt2', 'data'), join(folder, 'long'), { recursive: true })
  cpSync(goldenPath('trainer-gpt2', 'data/checkpoint-10'), join(folder, 'short/checkpoint-10'), { recursive: true })

  it('are each told, by their paths', async () => {
    const { json, status } = await assayJson<{ path: string; runs: (History & { path: string })[] }>('history', folder)
    expect(json.path).toBe(folder)
    expect(json.runs.map(({ path, loss }) => [path, loss.length])).toEqual([
      [join(folder, 'long'), 30],
      [join(folder, 'short'), 10],
    ])
    for (const run of json.runs) expect(history.parse(run)).toBeTruthy()
    expect(status).toBe(0)
    const { stdout } = await assay(['history', folder])
    expect(stdout.split('\n').filter((line) => line.startsWith(folder))).toEqual([
      join(folder, 'long'),
      join(folder, 'short'),
    ])
  })

  it('have their names before their series in CSV', async () => {
    const lines = (await assay(['history', folder, '--csv'])).stdout.split('\n')
    expect(lines[0]).toBe('run,series,step,value')
    expect(lines.filter((line) => line.startsWith('long,loss,'))).toHaveLength(30)
    expect(lines.filter((line) => line.startsWith('short,loss,'))).toHaveLength(10)
  })
})

it('says why there is no schedule, and what one was drawn from', async () => {
  expect((await assay(['history', goldenPath('accelerate-plain')])).stdout).toContain('LambdaLR saves no function')
  expect((await assay(['history', goldenPath('trainer-gpt2')])).stdout).toContain('cosine, from the training arguments')
})
