import { describe, expect, test } from 'vitest'
import type { LayoutId, TrainingState } from '../../../../src/core/checkpoint/checkpoint'
import { stepMismatch } from '../../../../src/core/verify/rules/step-mismatch'
import { checkpointOf, findingsOf } from '../handmade'

interface Counts {
  folder?: number
  own?: number
  optimizer?: number
  scheduler?: number
}

async function rules(
  layout: LayoutId,
  counts: Counts,
  more: { state?: Partial<TrainingState>; scaler?: boolean } = {},
) {
  const sources = {
    folder: 'folder name',
    own: 'trainer_state.global_step',
    optimizer: 'optimizer.step',
    scheduler: 'scheduler.last_epoch',
  }
  const counters = Object.entries(counts).map(([key, value]) => ({
    source: sources[key as keyof Counts],
    file: `${key}.file`,
    value: value as number,
  }))
  const components = more.scaler ? { scaler: 'present' as const } : {}
  const found = await findingsOf(stepMismatch, checkpointOf({ layout, components, state: { counters, ...more.state } }))
  return found.map(({ rule }) => rule)
}

describe('under the Trainer', () => {
  test('all counts are one', async () => {
    expect(await rules('trainer', { folder: 30, own: 30, optimizer: 30, scheduler: 30 })).toEqual([])
    expect(await rules('trainer', { folder: 30, own: 20 })).toEqual(['trainer/step-mismatch'])
    expect(await rules('trainer', { own: 30, optimizer: 10, scheduler: 30 })).toEqual(['optimizer/step-mismatch'])
    expect(await rules('trainer', { own: 30, optimizer: 30, scheduler: 15 })).toEqual(['scheduler/step-mismatch'])
  })

  test('steps skipped in float16 are missing in the optimizer and the scheduler', async () => {
    expect(await rules('trainer', { own: 30, optimizer: 28, scheduler: 28 }, { scaler: true })).toEqual([])
    expect(await rules('trainer', { own: 30, optimizer: 3, scheduler: 30 }, { scaler: true })).toEqual([
      'optimizer/step-mismatch',
    ])
  })

  test('a scheduler that follows a metric counts evaluations', async () => {
    const plateau = { file: 'scheduler.pt', lastEpoch: 3, lastLr: [], baseLrs: [], value: { num_bad_epochs: 0 } }
    expect(
      await rules('trainer', { own: 30, optimizer: 30, scheduler: 3 }, { state: { schedulers: [plateau] } }),
    ).toEqual([])
  })
})

describe('elsewhere', () => {
  test('a scheduler may step once for each process, once an epoch, and once too often', async () => {
    expect(await rules('accelerate', { optimizer: 12, scheduler: 24 })).toEqual([])
    expect(await rules('folder', { own: 24, optimizer: 24, scheduler: 3 }, { state: { epoch: 3 } })).toEqual([])
    expect(await rules('folder', { own: 25, optimizer: 25, scheduler: 7 }, { state: { epoch: 6 } })).toEqual([])
    expect(await rules('file', { own: 24, optimizer: 24, scheduler: 25 })).toEqual([])
  })

  test('a script may count batches, several of which make a step', async () => {
    expect(await rules('file', { own: 400, optimizer: 100, scheduler: 100 })).toEqual([])
    expect(await rules('file', { own: 9000, optimizer: 1 })).toEqual(['optimizer/step-mismatch'])
  })

  test('counts that have nothing to do with each other are told', async () => {
    expect(await rules('file', { own: 400, optimizer: 130, scheduler: 400 })).toEqual(['optimizer/step-mismatch'])
    expect(await rules('file', { own: 400, optimizer: 400, scheduler: 130 })).toEqual(['scheduler/step-mismatch'])
  })
})
