import { expect, test } from 'vitest'
import type { SchedulerState, TrainingState } from '../../../src/core/checkpoint/checkpoint'
import type { Plain } from '../../../src/core/decode/plain'
import { redraw } from '../../../src/core/history/redraw'
import { checkpointOf } from '../verify/handmade'

const exponential = (lastEpoch: number, lastLr = 0.9 ** lastEpoch): SchedulerState => ({
  file: 'scheduler.pt',
  lastEpoch,
  lastLr: [lastLr],
  baseLrs: [1],
  value: { gamma: 0.9, base_lrs: [1], last_epoch: lastEpoch },
})

const redrawn = (scheduler: SchedulerState, state: Partial<TrainingState> = {}) =>
  redraw(checkpointOf({ state: { schedulers: [scheduler], ...state } })).schedule

test('step 1 uses the first rate, the last step taken the one before the stored', () => {
  const points = redrawn(exponential(3))?.points
  expect(points).toEqual([
    { step: 1, value: 1 },
    { step: 2, value: 0.9 },
    { step: 3, value: 0.9 ** 2 },
  ])
})

test('under Accelerate the scheduler counts once for each process', () => {
  const points = redrawn(exponential(6), { step: 3, worldSize: 2 })?.points
  expect(points?.map(({ step, value }) => [step, Math.round(Math.log(value) / Math.log(0.9)) + 0])).toEqual([
    [1, 0],
    [2, 2],
    [3, 4],
  ])
})

test('a scheduler that counts epochs holds its rate for all steps of one', () => {
  const points = redrawn(exponential(2), { step: 6, epoch: 2 })?.points
  expect(points?.map(({ value }) => value)).toEqual([1, 1, 1, 0.9, 0.9, 0.9])
})

test('a planned number of steps says how far to project', () => {
  const records = [
    { file: 'trainer_state.json', component: 'trainer' as const, value: { max_steps: 5 } satisfies Plain },
  ]
  expect(redrawn(exponential(3), { records })?.projected.map(({ step }) => step)).toEqual([4, 5])
  expect(redrawn(exponential(3))?.projected).toEqual([])
})

test('a rate that somebody changed by hand is not redrawn', () => {
  expect(redrawn(exponential(3, 0.5))).toBeNull()
})

test('a schedule without its numbers is not redrawn, whatever stands in their place', () => {
  const values: Plain[] = [
    null,
    'x',
    [],
    { gamma: 'x', base_lrs: [1] },
    { gamma: 0.9, base_lrs: [] },
    { T_max: 0, eta_min: 0, base_lrs: [1] },
  ]
  for (const value of values) {
    expect(redrawn({ ...exponential(3), value })).toBeNull()
  }
})

test('a count beyond all measure is drawn in strides', () => {
  const drawn = redrawn(exponential(1e9, 0))
  expect(drawn?.points.length).toBe(10_000)
})

test('a count without end is not drawn at all', () => {
  const endless = { T_max: Number.POSITIVE_INFINITY, eta_min: 0, base_lrs: [1] }
  expect(redrawn({ ...exponential(3, 1), value: endless })?.projected).toEqual([])
  expect(redrawn(exponential(Number.POSITIVE_INFINITY, 0))?.points).toEqual([])
})
