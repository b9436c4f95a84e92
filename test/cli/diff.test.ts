import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type DiffReport, diffReport } from '../../src/contract/schemas'
import { goldenPath } from '../golden/cases'
import { assay, assayJson } from './run'

const [early, late] = [goldenPath('trainer-gpt2', 'data/checkpoint-20'), goldenPath('trainer-gpt2')]

describe('assay diff', () => {
  it('finds a checkpoint the same as itself', async () => {
    const { status, json } = await assayJson<DiffReport>('diff', late, late)
    expect(diffReport.parse(json)).toMatchObject({ identical: true, summary: { changed: 0, onlyA: 0, onlyB: 0 } })
    expect(status).toBe(0)
  })

  it('measures what ten steps of training changed', async () => {
    const { status, json } = await assayJson<DiffReport>('diff', early, late)
    expect(json.identical).toBe(false)
    expect(json.summary.changed).toBeGreaterThan(0)
    const row = json.tensors.find(({ name }) => name === 'transformer.wte.weight')
    expect(row).toMatchObject({ status: 'changed' })
    expect(json.state.find(({ what }) => what === 'step')).toEqual({ what: 'step', a: 20, b: 30, same: false })
    expect(status).toBe(1)
  })

  it('counts what cannot be read neither as changed nor as the same', async () => {
    const sides = ['damaged-healthy-st', 'damaged-st-cut-middle'].map((name) =>
      goldenPath(name, 'data/model.safetensors'),
    )
    const { status, stdout } = await assay(['diff', ...sides])
    expect(stdout).toContain('5 tensors, 1 the same, 4 not read')
    expect(stdout).toContain('damaged-st-cut-middle/data/model.safetensors is damaged')
    expect(status).toBe(1)
  })

  it('sees a flattened tensor as one of another shape with the same values', async () => {
    const { json } = await assayJson<DiffReport>(
      'diff',
      goldenPath('flattened', 'data/reference'),
      goldenPath('flattened'),
    )
    expect(json.summary.shape).toBe(4)
    expect(json.tensors.filter(({ reading, changed }) => reading === 'flat' && changed === 0)).toHaveLength(4)
    expect(json.conclusions).toContainEqual(expect.objectContaining({ kind: 'reshaped' }))
  })

  it('compares only what the filter lets through', async () => {
    const { json } = await assayJson<DiffReport>('diff', early, late, '--filter', '*.wte.*')
    expect(json.tensors.map(({ name }) => name)).toEqual(['transformer.wte.weight'])
  })

  it('shows people counts, measures and the training state', async () => {
    const { stdout } = await assay(['diff', early, late])
    expect(stdout).toContain('Different:')
    expect(stdout).toMatch(/transformer\.wte\.weight +changed/)
    expect(stdout).toMatch(/step +20 +→ +30/)
  })

  it('tells the same in markdown, as a page, and as a table for programs', async () => {
    const markdown = (await assay(['diff', early, late, '--format', 'markdown'])).stdout
    expect(markdown).toMatch(/\*\*Different\*\*: \d+ tensors/)
    expect(markdown).toMatch(/\| `transformer\.wte\.weight` \| changed \| \d/)
    const page = (await assay(['diff', early, late, '--format', 'html'])).stdout
    expect(page).toMatch(/^<!doctype html>[\s\S]*<td>transformer\.wte\.weight<\/td><td>changed<\/td>/)
    const [head, ...lines] = (await assay(['diff', early, late, '--format', 'csv'])).stdout.trimEnd().split('\n')
    expect(head).toMatch(/^name,nameB,status,match,anatomy,.*,cosine,/)
    expect(lines).toContainEqual(expect.stringMatching(/^transformer\.wte\.weight,,changed,,dense,\d+x\d+,/))
  })

  it('has the training state in the table for programs too, told apart by its part', async () => {
    const [head = '', ...lines] = (await assay(['diff', early, late, '--format', 'csv'])).stdout.trimEnd().split('\n')
    const columns = head.split(',')
    expect(columns.slice(-3)).toEqual(['part', 'a', 'b'])
    const cells = lines.filter((line) => !line.includes('"')).map((line) => line.split(','))
    expect(new Set(cells.map(({ length }) => length))).toEqual(new Set([columns.length]))
    const of = (name: string) => cells.find((line) => line[0] === name)
    expect(of('transformer.wte.weight')?.slice(-3)).toEqual(['tensor', '', ''])
    expect(of('step')?.slice(-3)).toEqual(['state', '20', '30'])
    expect(of('step')?.[columns.indexOf('status')]).toBe('changed')
    expect(of('optimizer.group[0].lr')?.slice(-3)[0]).toBe('state')
  })

  it('rolls up by module when asked to, as deep as asked', async () => {
    const { stdout } = await assay(['diff', early, late, '--modules', '2'])
    expect(stdout).toMatch(/\(all\) +\d+ of \d+/)
    expect(stdout).toMatch(/transformer\.h +\d+ of \d+ +[\d.]+%/)
    expect(stdout).not.toMatch(/transformer\.h\.0|transformer\.wte\.weight/)
    for (const format of ['markdown', 'html', 'csv']) {
      const told = (await assay(['diff', early, late, '--modules', '--format', format])).stdout
      expect(told).toContain('transformer.h.0.attn')
      expect(told).not.toContain('transformer.wte.weight')
    }
    expect((await assay(['diff', early, late, '--modules', 'deep'])).status).toBe(2)
  })

  it('leaves the training state out when asked to, and finds the weights the same', async () => {
    const { json } = await assayJson<DiffReport>('diff', early, late, '--weights-only')
    expect(json.state).toEqual([])
    expect(json.conclusions).toEqual([])
    const same = await assayJson<DiffReport>('diff', late, join(late, 'model.safetensors'), '--weights-only')
    expect(same).toMatchObject({ status: 0, json: { identical: true } })
    expect((await assay(['diff', late, join(late, 'model.safetensors')])).status).toBe(1)
  })

  it('takes tolerances, renames and the wish for distances', async () => {
    const { json, status } = await assayJson<DiffReport>('diff', early, late, '--atol', '1', '--ulp')
    expect(json.summary.changed).toBe(0)
    expect(json.tensors.every(({ beyond, maxUlp }) => beyond === 0 && typeof maxUlp === 'number')).toBe(true)
    expect(status).toBe(1)
    const renamed = await assayJson<DiffReport>('diff', late, late, '--rename', 'transformer.h=elsewhere')
    expect(renamed.json.summary.moved).toBeGreaterThan(0)
    expect((await assay(['diff', early, late, '--atol', 'much'])).status).toBe(2)
    expect((await assay(['diff', early, late, '--rename', 'x'])).status).toBe(2)
  })

  it('asks for one checkpoint when given a run', async () => {
    const { status, stderr } = await assay(['diff', goldenPath('trainer-gpt2', 'data'), late])
    expect(status).toBe(2)
    expect(stderr).toContain('holds 3 checkpoints')
  })
})
