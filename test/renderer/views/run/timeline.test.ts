import { describe, expect, it } from 'vitest'
import type { RunFacts } from '../../../../src/contract/schemas'
import { heightAt, loggedOf, type RunCheckpoint, timelineOf } from '../../../../src/renderer/views/run/timeline'
import { NO_HISTORY } from '../../fixture/case'
import { gpt2At } from '../../fixture/gpt2'

const { verification } = gpt2At(10).opened
const at = (step: number | undefined, loss: number | 'NaN' | null = null): RunCheckpoint => ({
  path: `/run/checkpoint-${step}`,
  name: `checkpoint-${step}`,
  ...(step !== undefined && { step }),
  modified: 0,
  bytes: 1,
  loss: loss === null ? null : { step: step ?? 0, value: loss },
  missing: [],
  verification,
})
const point = (step: number, value: number) => ({ step, value })

describe('the loss of a run', () => {
  it('is what its logs tell, with the evaluations beside it', () => {
    const history = { ...NO_HISTORY, loss: [point(1, 4), point(2, 3)], evalLoss: [point(2, 3.5)] }
    expect(loggedOf(history, [at(2, 9)])).toBe(history)
  })

  it('is what its checkpoints remember, where it logged none by step', () => {
    const checkpoints = [at(20, 2), at(10, 3), at(30)]
    const loss = [point(10, 3), point(20, 2)]
    expect(loggedOf(null, checkpoints)).toMatchObject({ loss })
    const byEpoch = { ...NO_HISTORY, lossUnit: 'epoch' as const, loss: [point(1, 4)], evalLoss: [point(1, 5)] }
    expect(loggedOf(byEpoch, checkpoints)).toMatchObject({ loss, evalLoss: [] })
    expect(loggedOf(NO_HISTORY, [at(30)])).toBeUndefined()
  })

  it('bears a checkpoint at the last value before it', () => {
    const dots = [
      { x: 1, y: 4 },
      { x: 9, y: 3 },
      { x: 10, y: null },
      { x: 11, y: 2 },
    ]
    expect(heightAt(dots, at(10))).toBe(3)
    expect(heightAt(dots, at(0, 5))).toBe(5)
    expect(heightAt(dots, at(0, 'NaN'))).toBeNull()
    expect(heightAt(dots, at(undefined))).toBeNull()
  })
})

describe('the rows of a run', () => {
  interface Facts {
    gaps?: { from: number; to: number; missing: number }[]
    half?: string[]
  }
  const facts = ({ gaps = [], half = [] }: Facts) => ({
    ...NO_FACTS,
    gaps,
    halfWritten: half.map((name) => ({ path: `/run/${name}`, name, why: '' })),
  })
  const sketch = (steps: (number | undefined)[], told: Facts | null, read = steps) =>
    timelineOf({
      name: 'run',
      listed: steps.map((step) => at(step)),
      checkpoints: read.map((step) => at(step)),
      facts: told && facts(told),
    }).map((row) => {
      if (row.kind === 'gap') return `${row.gap.from}–${row.gap.to}`
      if (row.kind === 'half') return row.half.name
      if (row.kind === 'run') return row.name
      return row.kind === 'listed' ? `${row.listed.step}…` : row.checkpoint.step
    })

  it('come newest first, every gap between the two that it lies between', () => {
    const gaps = [
      { from: 10, to: 40, missing: 2 },
      { from: 50, to: 70, missing: 1 },
    ]
    expect(sketch([10, 40, 50, 70], { gaps })).toEqual([70, '50–70', 50, 40, '10–40', 10])
  })

  it('keep checkpoints without a step where they are', () => {
    const gaps = [{ from: 10, to: 40, missing: 2 }]
    expect(sketch([undefined, 10, 40], { gaps })).toEqual([40, '10–40', 10, undefined])
  })

  it('have a save that was not ended where its step is, and on top where its name tells none', () => {
    const half = ['tmp-checkpoint-25', 'saving', 'tmp-checkpoint-5']
    expect(sketch([10, 20, 30], { half })).toEqual(['saving', 30, 'tmp-checkpoint-25', 20, 10, 'tmp-checkpoint-5'])
  })

  it('are there by name before they were read, and gone when a checkpoint was removed meanwhile', () => {
    expect(sketch([10, 20, 30], null, [30])).toEqual([30, '20…', '10…'])
    expect(sketch([10, 20, 30], {}, [10, 30])).toEqual([30, 10])
  })
})

const NO_FACTS: RunFacts = {
  lastGood: null,
  lastUsable: null,
  interval: null,
  gaps: [],
  overlaps: [],
  halfWritten: [],
  bytes: 0,
  rotation: null,
  trainerPick: null,
  findings: [],
}
