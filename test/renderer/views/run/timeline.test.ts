import { describe, expect, it } from 'vitest'
import { heightAt, lossLines, type RunCheckpoint, timelineOf } from '../../../../src/renderer/views/run/timeline'
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
    expect(lossLines(history, [at(2, 9)]).map(({ key, dots }) => [key, dots.length])).toEqual([
      ['loss', 2],
      ['eval', 1],
    ])
  })

  it('is what its checkpoints remember, where it logged none by step', () => {
    const checkpoints = [at(20, 2), at(10, 3), at(30)]
    const dots = [
      { x: 10, y: 3 },
      { x: 20, y: 2 },
    ]
    expect(lossLines(undefined, checkpoints)).toMatchObject([{ key: 'loss', dots }])
    const byEpoch = { ...NO_HISTORY, lossUnit: 'epoch' as const, loss: [point(1, 4)] }
    expect(lossLines(byEpoch, checkpoints)).toMatchObject([{ key: 'loss', dots }])
    expect(lossLines(NO_HISTORY, [at(30)])).toEqual([])
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
  const sketch = (steps: (number | undefined)[], gaps: { from: number; to: number; missing: number }[]) =>
    timelineOf({ checkpoints: steps.map((step) => at(step)), gaps }).map((row) =>
      row.kind === 'gap' ? `${row.gap.from}–${row.gap.to}` : row.checkpoint.step,
    )

  it('come newest first, every gap between the two that it lies between', () => {
    const gaps = [
      { from: 10, to: 40, missing: 2 },
      { from: 50, to: 70, missing: 1 },
    ]
    expect(sketch([10, 40, 50, 70], gaps)).toEqual([70, '50–70', 50, 40, '10–40', 10])
  })

  it('keep checkpoints without a step where they are', () => {
    expect(sketch([undefined, 10, 40], [{ from: 10, to: 40, missing: 2 }])).toEqual([40, '10–40', 10, undefined])
  })
})
