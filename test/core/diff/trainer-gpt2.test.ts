import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import type { Checkpoint } from '../../../src/core/checkpoint/checkpoint'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { type DiffReport, diff } from '../../../src/core/diff/diff'
import expected from './trainer-gpt2.json'

const at = (step: number) =>
  openCheckpoint(fileURLToPath(new URL(`../../golden/trainer-gpt2/data/checkpoint-${step}`, import.meta.url)))

describe('two checkpoints of one training', () => {
  let a: Checkpoint
  let b: Checkpoint
  let report: DiffReport

  beforeAll(async () => {
    a = await at(20)
    b = await at(30)
    report = await diff(a, b, { kernel })
  })

  afterAll(() => {
    a.close()
    b.close()
  })

  it('differ by what NumPy measures', () => {
    expect(report.identical).toBe(false)
    expect(report.tensors.map(({ name }) => name).sort()).toEqual(Object.keys(expected).sort())
    for (const row of report.tensors) {
      const wanted = expected[row.name as keyof typeof expected]
      expect({ count: row.count, changed: row.changed, maxAbs: row.maxAbs }, row.name).toEqual({
        count: wanted.count,
        changed: wanted.changed,
        maxAbs: wanted.maxAbs,
      })
      for (const measure of ['meanAbs', 'rms', 'relL2', 'cosine'] as const) {
        expect(row[measure] ?? NaN, `${row.name} ${measure}`).toBeCloseTo(wanted[measure], 14)
      }
      expect(row.status).toBe(wanted.changed === 0 ? 'same' : 'changed')
    }
  })

  it('differ in their steps, epochs and learning rates', () => {
    const facts = new Map(report.state.map((fact) => [fact.what, fact]))
    expect(facts.get('step')).toMatchObject({ a: 20, b: 30, same: false })
    expect(facts.get('optimizer.step')).toMatchObject({ a: 20, b: 30, same: false })
    expect(facts.get('scheduler.last_epoch')).toMatchObject({ a: 20, b: 30, same: false })
    expect(facts.get('optimizer.group[0].lr')).toMatchObject({ same: false })
    expect(facts.get('trainer_state.global_step')).toMatchObject({ a: 20, b: 30 })
    expect([...facts.keys()].filter((what) => what.startsWith('config'))).toEqual([])
    expect(facts.has('layout')).toBe(false)
  })

  it('are each identical with themselves, opened twice', async () => {
    const again = await at(30)
    expect(await diff(b, again, { kernel })).toMatchObject({
      identical: true,
      summary: { same: report.tensors.length, changed: 0 },
    })
    again.close()
  })
})
