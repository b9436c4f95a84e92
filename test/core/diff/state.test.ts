import { describe, expect, it } from 'vitest'
import type { OptimizerState, TrainingState } from '../../../src/core/checkpoint/checkpoint'
import { diffState } from '../../../src/core/diff/state'
import { checkpoint, floats } from './checkpoints'

function adamw(lr: number, more: Partial<OptimizerState> = {}): OptimizerState {
  return {
    file: 'optimizer.pt',
    step: 10,
    groups: [{ params: [0, 1], lr, weightDecay: 0.01, hyper: { betas: [0.9, 0.999], eps: 1e-8 } }],
    parameters: [{ key: 0, tensors: { exp_avg: floats('m', [1]) }, scalars: {} }],
    ...more,
  }
}

const state = (more: Partial<TrainingState>) => checkpoint([], more)

describe('two training states', () => {
  it('that agree are told by step, epoch and learning rate alone', () => {
    const one = state({ step: 20, epoch: 1.5, optimizers: [adamw(1e-3)] })
    expect(diffState(one, one)).toEqual([
      { what: 'step', a: 20, b: 20, same: true },
      { what: 'epoch', a: 1.5, b: 1.5, same: true },
      { what: 'optimizer.group[0].lr', a: 1e-3, b: 1e-3, same: true },
    ])
  })

  it('differ in their counters, settings, schedulers and random states', () => {
    const scheduler = (lastEpoch: number) => ({
      file: 'scheduler.pt',
      lastEpoch,
      stepCount: lastEpoch + 1,
      lastLr: [1 / lastEpoch],
      baseLrs: [1],
      value: null,
    })
    const a = state({
      step: 20,
      counters: [
        { source: 'optimizer.step', file: 'optimizer.pt', value: 10 },
        { source: 'trainer_state.global_step', file: 'trainer_state.json', value: 20 },
        { source: 'folder name', file: '', value: 20 },
      ],
      optimizers: [adamw(1e-3)],
      schedulers: [scheduler(20)],
      rng: [{ file: 'rng_state.pth', generators: ['torch', 'python'] }],
    })
    const changed = adamw(2e-3, { step: 11 })
    const b = state({
      step: 30,
      counters: [
        { source: 'trainer_state.global_step', file: 'trainer_state.json', value: 30 },
        { source: 'folder name', file: '', value: 20 },
      ],
      optimizers: [{ ...changed, groups: changed.groups.map((g) => ({ ...g, hyper: { ...g.hyper, eps: 1e-6 } })) }],
      schedulers: [scheduler(30)],
    })
    expect(diffState(a, b)).toEqual([
      { what: 'step', a: 20, b: 30, same: false },
      { what: 'optimizer.step', a: 10, b: 11, same: false },
      { what: 'optimizer.group[0].lr', a: 1e-3, b: 2e-3, same: false },
      { what: 'optimizer.group[0].eps', a: 1e-8, b: 1e-6, same: false },
      { what: 'scheduler.last_epoch', a: 20, b: 30, same: false },
      { what: 'scheduler.step_count', a: 21, b: 31, same: false },
      { what: 'scheduler.last_lr', a: [1 / 20], b: [1 / 30], same: false },
      { what: 'rng', a: ['python', 'torch'], b: null, same: false },
      { what: 'trainer_state.global_step', a: 20, b: 30, same: false },
    ])
  })

  it('number optimizers only where there are several', () => {
    const two = state({ optimizers: [adamw(1), adamw(2)] })
    expect(diffState(two, two).map(({ what }) => what)).toEqual([
      'optimizer[0].group[0].lr',
      'optimizer[1].group[0].lr',
    ])
  })

  it('differ in the leaves of their configs, whatever the order of keys', () => {
    const a = checkpoint([], {}, { config: { n_layer: 2, rope: { theta: 1e4, kind: 'x' }, ids: [1, 2], nan: NaN } })
    const b = checkpoint([], {}, { config: { nan: NaN, ids: [1, 3], rope: { kind: 'x', theta: 1e5 }, n_layer: 2 } })
    expect(diffState(a, b)).toEqual([
      { what: 'config.rope.theta', a: 1e4, b: 1e5, same: false },
      { what: 'config.ids', a: [1, 2], b: [1, 3], same: false },
    ])
  })

  it('are compared as far as any config goes, however large they claim to be', () => {
    const config = (value: number) => Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`key${i}`, value]))
    const differences = diffState(checkpoint([], {}, { config: config(1) }), checkpoint([], {}, { config: config(2) }))
    expect(differences.length).toBeGreaterThan(90_000)
    expect(differences.length).toBeLessThanOrEqual(100_000)
  })

  it('differ in what a trainer and custom objects keep, a long log by its length', () => {
    const log = (length: number) => Array.from({ length }, (_, step) => ({ step, loss: 1 / (step + 1) }))
    const kept = (best: number, length: number) =>
      state({
        records: [
          { file: 'trainer_state.json', component: 'trainer', value: { best_metric: best, log_history: log(length) } },
          { file: 'training_args.bin', component: 'trainer', value: { '<x.TrainingArguments>': { seed: length } } },
        ],
      })
    expect(diffState(kept(1, 20), kept(2, 30))).toEqual([
      { what: 'trainer_state.best_metric', a: 1, b: 2, same: false },
      { what: 'trainer_state.log_history', a: '20 entries', b: '30 entries, the first 20 the same', same: false },
      { what: 'training_args.seed', a: 20, b: 30, same: false },
    ])
  })

  it('tell what only one of them has, once', () => {
    const part = (status: 'present' | 'missing') =>
      checkpoint([], {}, { components: [{ id: 'tokenizer', label: 'Tokenizer', status, files: [] }] })
    expect(diffState(part('present'), part('missing'))).toEqual([
      { what: 'tokenizer', a: 'present', b: null, same: false },
    ])
  })

  it('of other layouts say so', () => {
    expect(diffState(checkpoint([], {}, { layout: 'trainer' }), checkpoint([], {}, { layout: 'file' }))).toEqual([
      { what: 'layout', a: 'trainer', b: 'file', same: false },
    ])
  })
})
