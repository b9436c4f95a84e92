import { describe, expect, test } from 'vitest'
import type { LayoutId, TrainingState } from '../../../../src/core/checkpoint/checkpoint'
import type { Plain } from '../../../../src/core/decode/plain'
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

  test('the first steps of a scaler are skipped until its scale has come down', async () => {
    expect(await rules('trainer', { own: 8, optimizer: 1, scheduler: 1 }, { scaler: true })).toEqual([])
    expect(await rules('trainer', { own: 8, optimizer: 1, scheduler: 1 })).toEqual(['trainer/step-mismatch'])
  })

  test('two counts that agree outvote the third, unless the folder bears it out', async () => {
    expect(await rules('trainer', { own: 400, optimizer: 8, scheduler: 8 })).toEqual(['trainer/step-mismatch'])
    expect(await rules('trainer', { folder: 8, own: 4, optimizer: 8, scheduler: 8 })).toEqual(['trainer/step-mismatch'])
    expect(await rules('trainer', { folder: 400, own: 400, optimizer: 8, scheduler: 8 })).toEqual([
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

  test('a script may save the number of the step just taken, from 0, or of the one to come; a Trainer may not', async () => {
    expect(await rules('file', { own: 19, optimizer: 20, scheduler: 20 })).toEqual([])
    expect(await rules('folder', { own: 21, optimizer: 20, scheduler: 20 })).toEqual([])
    expect(await rules('file', { own: 18, optimizer: 20, scheduler: 20 })).toEqual(['trainer/step-mismatch'])
    expect(await rules('trainer', { own: 19, optimizer: 20, scheduler: 20 })).toEqual(['trainer/step-mismatch'])
  })

  test('schedulers that take turns count together', async () => {
    const counters = [10, 4, 6].map((value, i) => ({
      source: ['optimizer.step', 'scheduler.last_epoch', 'scheduler.last_epoch'][i] as string,
      file: 'a.pt',
      value,
    }))
    const own = { source: 'a.step', file: 'a.pt', value: 10 }
    const optimizer = { file: 'a.pt', groups: [], parameters: [], step: 10 }
    const found = (all: typeof counters) =>
      findingsOf(
        stepMismatch,
        checkpointOf({ layout: 'file', state: { counters: [own, ...all], optimizers: [optimizer] } }),
      )
    expect(await found(counters)).toEqual([])
    expect(await found(counters.slice(0, 2))).toHaveLength(1)
  })

  test('a count that goes with the epochs is none where its rate is that of the step', async () => {
    const state = (last: number, rate: number) => ({
      epoch: 3,
      schedulers: [
        {
          file: 'scheduler.file',
          lastEpoch: last,
          lastLr: [rate],
          baseLrs: [0.1],
          value: { base_lrs: [0.1], gamma: 0.9 },
        },
      ],
    })
    const counts = { own: 24, optimizer: 24, scheduler: 3 }
    expect(await rules('file', counts, { state: state(3, 0.1 * 0.9 ** 3) })).toEqual([])
    expect(await rules('file', counts, { state: state(3, 0.1 * 0.9 ** 24) })).toEqual(['scheduler/step-mismatch'])
  })

  test('a scheduler that follows a warmup of the script counts from its end', async () => {
    const counts = { own: 17, optimizer: 17, scheduler: 7 }
    const joined = (lr: number, lastEpoch = 7, file = 'scheduler.file') => ({
      state: {
        optimizers: [
          { file: 'optimizer.file', groups: [{ params: [], lr, initialLr: 0.1, hyper: {} }], parameters: [], step: 17 },
        ],
        schedulers: [{ file, lastEpoch, lastLr: [0.05], baseLrs: [0.1], value: { base_lrs: [0.1] } }],
      },
    })
    expect(await rules('folder', counts, joined(0.05))).toEqual([])
    expect(await rules('folder', counts, joined(0.02))).toEqual(['scheduler/step-mismatch'])
    expect(await rules('trainer', counts, joined(0.05))).toEqual(['scheduler/step-mismatch'])
    expect(await rules('file', { ...counts, scheduler: 0 }, joined(0.02, 0, 'optimizer.file'))).toEqual([])
    expect(await rules('folder', { ...counts, scheduler: 0 }, joined(0.02, 0))).toEqual([])
    expect(await rules('folder', { ...counts, scheduler: 0 }, joined(0.05, 0))).toEqual([])
    expect(await rules('trainer', { ...counts, scheduler: 0 }, joined(0.02, 0))).toEqual(['scheduler/step-mismatch'])
  })

  test('Lightning counts the steps of all its optimizers, also of one whose state is gone', async () => {
    const value = { 'pytorch-lightning_version': '2.6.0' }
    const optimizer = { file: 'last.ckpt', groups: [], parameters: [] }
    const lightning = (count: number) => ({
      state: {
        records: [{ file: 'last.ckpt', component: 'trainer' as const, value }],
        optimizers: Array.from({ length: count }, () => optimizer),
      },
    })
    expect(await rules('file', { own: 48, optimizer: 24 }, lightning(2))).toEqual([])
    expect(await rules('file', { own: 48, optimizer: 24 }, lightning(1))).toEqual(['optimizer/step-mismatch'])
    // A `training_step` that returned None.
    expect(await rules('file', { own: 48, optimizer: 36 }, lightning(1))).toEqual([])
  })

  test('counts that have nothing to do with each other are told', async () => {
    expect(await rules('file', { own: 400, optimizer: 130, scheduler: 400 })).toEqual(['optimizer/step-mismatch'])
    expect(await rules('file', { own: 400, optimizer: 400, scheduler: 130 })).toEqual(['scheduler/step-mismatch'])
  })
})

describe('a ReduceLROnPlateau under the Trainer', () => {
  const losses = [3, 2.5, 2.6, 2.4]
  const told = async (seen: number, best: number, bad: number, strategy = 'steps') => {
    const log = losses.map((loss, i) => ({ step: 2 * (i + 1), epoch: i + 1, eval_loss: loss }))
    const rows = [...log.slice(0, 1), { step: 3, epoch: 1.5, eval_loss: 9 }, ...log.slice(1)]
    const values: Plain[] = [
      { global_step: 8, eval_steps: 2, log_history: rows },
      { TrainingArguments: { optim: 'adamw_torch', eval_strategy: strategy, metric_for_best_model: 'loss' } },
    ]
    const records = values.map((value) => ({ file: 'trainer_state.json', component: 'trainer' as const, value }))
    const value = {
      ...{ mode: 'min', threshold: 1e-4, threshold_mode: 'rel', patience: 2, cooldown: 0 },
      ...{ best, num_bad_epochs: bad, cooldown_counter: 0 },
    }
    const scheduler = { file: 'scheduler.pt', lastEpoch: seen, lastLr: [], baseLrs: [], value }
    return rules('trainer', { own: 8, optimizer: 8, scheduler: seen }, { state: { records, schedulers: [scheduler] } })
  }

  test('has seen every evaluation that was due, and none that a script made by itself', async () => {
    expect(await told(4, 2.4, 0)).toEqual([])
    expect(await told(4, 2.4, 0, 'epoch')).toEqual([])
  })

  test('is of an earlier save where it stands as it did then', async () => {
    expect(await told(3, 2.5, 1)).toEqual(['scheduler/step-mismatch'])
    expect(await told(2, 2.5, 0, 'epoch')).toEqual(['scheduler/step-mismatch'])
  })

  test('is not doubted where it followed something else', async () => {
    expect(await told(3, 1.7, 1)).toEqual([])
    expect(await told(3, 2.5, 0)).toEqual([])
  })
})
