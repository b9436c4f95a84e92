import { describe, expect, test } from 'vitest'
import type { Counter, OptimizerState } from '../../../../src/core/checkpoint/checkpoint'
import { emptyState } from '../../../../src/core/verify/rules/empty-state'
import { optimizerShapeMismatch } from '../../../../src/core/verify/rules/optimizer-shape-mismatch'
import { parameterMismatch } from '../../../../src/core/verify/rules/parameter-mismatch'
import { checkpointOf, findingsOf, tensorOf } from '../handmade'

const optimizer = (
  shapes: number[][],
  hyper: Record<string, number | number[]> = { betas: [0.9, 0.99] },
): OptimizerState => ({
  file: 'optimizer.pt',
  groups: [{ params: [0, 1], hyper }],
  parameters: shapes.map((shape, key) => {
    const exp_avg = tensorOf({ name: `state.${key}.exp_avg`, shape, component: 'optimizer', file: 'optimizer.pt' })
    return { key, tensors: { exp_avg }, scalars: {} }
  }),
})

const weights = (...shapes: number[][]) => shapes.map((shape, i) => ({ name: `layer${i}.weight`, shape }))

describe('moments', () => {
  const mismatch = (model: number[][], moments: number[][]) =>
    findingsOf(
      optimizerShapeMismatch,
      checkpointOf({ tensors: weights(...model), state: { optimizers: [optimizer(moments)] } }),
    )

  test('of another model are told', async () => {
    const [found] = await mismatch([[64, 32], [32]], [[64, 48], [48]])
    expect(found).toMatchObject({ subject: 'optimizer.pt', severity: 'error', evidence: { strangers: 2, moments: 2 } })
  })

  test('may stand in any order, and may be fewer than the weights', async () => {
    expect(await mismatch([[64, 32], [32], [8, 8]], [[32], [64, 32]])).toEqual([])
  })

  test('of one parameter with too many values are told as well', async () => {
    expect(await mismatch([[100, 8], [8], [8]], [[105, 8], [8], [8]])).toHaveLength(1)
  })

  test('of another model are told also where most fit', async () => {
    expect(await mismatch([[64, 32], [32], [32], [8, 8]], [[64, 32], [32], [32], [5, 7]])).toHaveLength(1)
  })

  test('that no weight is left for show which weight is missing, or that one was never saved', async () => {
    const moments = [[4, 2], [4], [3, 4], [3]]
    const state = { optimizers: [optimizer(moments)] }
    const tensors = [
      { name: 'fc.bias', shape: [4] },
      { name: 'head.weight', shape: [3, 4] },
      { name: 'head.bias', shape: [3] },
      { name: 'norm.running_mean', shape: [4] },
    ]
    expect(await findingsOf(optimizerShapeMismatch, checkpointOf({ tensors, state }))).toMatchObject([
      { rule: 'weights/missing-tensor', subject: 'fc.weight', evidence: { shape: [4, 2] } },
    ])
    expect(await mismatch([[8, 8], [8], [4]], [[8, 8], [8], [4], [3, 5]])).toMatchObject([
      { rule: 'optimizer/parameter-mismatch', severity: 'warning', evidence: { shapes: ['[3, 5]'] } },
    ])
    // A number that is trained says nothing of the shapes.
    expect(await mismatch([[8, 8], [8], []], [[8, 8], [8], [3, 5]])).toMatchObject([
      { rule: 'optimizer/parameter-mismatch', severity: 'warning' },
    ])
  })

  test('that stand at the place of another weight are told where the order is evident', async () => {
    const shapes = [[4, 2], [4], [3, 4], [3], [5, 3], [5], [6, 5], [6], [7, 6], [7], [2, 7], [2]]
    const tensors = weights(...shapes)
    const ordered = (moments: number[][]) => {
      const groups = [{ params: moments.map((_, i) => i), hyper: { betas: [0.9, 0.99] } }]
      const state = { optimizers: [{ ...optimizer(moments), groups }] }
      return findingsOf(optimizerShapeMismatch, checkpointOf({ tensors, state }))
    }
    const [a, b, ...rest] = shapes as [number[], number[], ...number[][]]
    expect(await ordered(shapes)).toEqual([])
    expect(await ordered([...shapes].reverse())).toEqual([])
    const [found] = await ordered([b, a, ...rest])
    expect(found?.message).toMatch(/layer0.weight \[4, 2\] are \[4\] and layer1.weight \[4\] are \[4, 2\]/)
  })

  test('of matrices that the file keeps in parts are in order', async () => {
    expect(await mismatch([[32, 8], [32, 8], [8], [8]], [[64, 8], [8], [8]])).toEqual([])
  })
})

describe('two optimizers', () => {
  const verified = (...moments: number[][][]) => {
    const tensors = weights([16, 8], [16])
    const checkpoint = checkpointOf({ tensors, state: { optimizers: moments.map((shapes) => optimizer(shapes)) } })
    return Promise.all([findingsOf(optimizerShapeMismatch, checkpoint), findingsOf(parameterMismatch, checkpoint)])
  }

  test('may share their parameters', async () => {
    expect(await verified([[16, 8], [16]], [[16, 8], [16]])).toEqual([[], []])
  })

  test('are told apart where one is of another model', async () => {
    const [shapes] = await verified([[16, 8], [16]], [[9, 7], [9]])
    expect(shapes).toMatchObject([{ evidence: { strangers: 2, shapes: ['[9, 7]', '[9]'] } }])
  })
})

describe('an optimizer without a state', () => {
  const global: Counter = { source: 'trainer_state.global_step', file: 'trainer_state.json', value: 8 }
  const scheduler: Counter = { source: 'scheduler.last_epoch', file: 'scheduler.pt', value: 8 }
  const empty = (hyper: Record<string, number | number[]>, counters: Counter[]) =>
    findingsOf(
      emptyState,
      checkpointOf({ tensors: weights([2, 2]), state: { optimizers: [optimizer([], hyper)], counters } }),
    )

  test('is told when training has stepped', async () => {
    expect(await empty({ betas: [0.9, 0.99] }, [global])).toMatchObject([{ severity: 'error', evidence: { step: 8 } }])
    expect(await empty({ momentum: 0.9 }, [global])).toHaveLength(1)
    expect(await empty({ beta2_decay: -0.8 }, [global])).toHaveLength(1)
  })

  test('is in order before the first step, and for plain SGD always', async () => {
    expect(await empty({ betas: [0.9, 0.99] }, [{ ...global, value: 0 }])).toEqual([])
    expect(await empty({ betas: [0.9, 0.99] }, [])).toEqual([])
    expect(await empty({ momentum: 0 }, [global])).toEqual([])
  })

  test('is no wonder when only a scheduler has stepped plain momentum', async () => {
    expect(await empty({ momentum: 0.9 }, [scheduler])).toEqual([])
  })
})
