import { describe, expect, test } from 'vitest'
import type { OptimizerState, ParamGroup, SchedulerState } from '../../../../src/core/checkpoint/checkpoint'
import { learningRate } from '../../../../src/core/verify/rules/learning-rate'
import { rateMismatch } from '../../../../src/core/verify/rules/rate-mismatch'
import { checkpointOf, findingsOf } from '../handmade'

const optimizer = (groups: Partial<ParamGroup>[], step?: number): OptimizerState => ({
  file: 'optimizer.pt',
  groups: groups.map((group) => ({ params: [0], hyper: {}, ...group })),
  parameters: [],
  ...(step !== undefined && { step }),
})
const scheduler = (lastLr: number[], more: Partial<SchedulerState> = {}): SchedulerState => ({
  file: 'scheduler.pt',
  lastLr,
  baseLrs: lastLr.map(() => 1e-3),
  value: {},
  ...more,
})

describe('a rate that is none', () => {
  const told = (group: Partial<ParamGroup>, lastLr = [1e-4]) => {
    const state = { optimizers: [optimizer([group])], schedulers: [scheduler(lastLr)] }
    return findingsOf(learningRate, checkpointOf({ state }))
  }

  test('is told in the groups and in the scheduler', async () => {
    expect(await told({ lr: Number.NaN })).toMatchObject([{ rule: 'optimizer/learning-rate', severity: 'error' }])
    expect(await told({ lr: -0.1 })).toMatchObject([{ evidence: { setting: 'lr', value: -0.1 } }])
    expect(await told({ lr: 1e-4, hyper: { betas: [0.9, Number.POSITIVE_INFINITY] } })).toHaveLength(1)
    expect(await told({ lr: 1e-4 }, [Number.NaN])).toMatchObject([{ rule: 'scheduler/learning-rate' }])
  })

  test('is not one of zero, nor one that rounding has put below it', async () => {
    expect(await told({ lr: 0, weightDecay: 0 }, [0])).toEqual([])
    expect(await told({ lr: -1e-20 }, [-1e-20])).toEqual([])
  })
})

describe('the rates of optimizer and scheduler', () => {
  const told = (optimizers: OptimizerState[], schedulers: SchedulerState[], worldSize?: number) => {
    const state = { optimizers, schedulers, ...(worldSize !== undefined && { worldSize }) }
    return findingsOf(rateMismatch, checkpointOf({ layout: 'accelerate', state }))
  }
  const group = (lr: number, initialLr = 1e-3) => ({ lr, initialLr })

  test('are one in every save', async () => {
    expect(await told([optimizer([group(1e-4)])], [scheduler([1e-4])])).toEqual([])
    expect(await told([optimizer([group(0.5)])], [scheduler([1e-4])])).toMatchObject([
      { rule: 'scheduler/rate-mismatch', evidence: { optimizer: [0.5], scheduler: [1e-4] } },
    ])
  })

  test('are of two trainings where they began elsewhere, or for other groups', async () => {
    const [base] = await told([optimizer([group(0, 0.1)])], [scheduler([0])])
    expect(base?.message).toMatch(/base rate 0.001, the optimizer in optimizer.pt began with 0.1/)
    const [groups] = await told([optimizer([group(0)])], [scheduler([0, 0])])
    expect(groups?.message).toMatch(/2 param groups, the optimizer in optimizer.pt has one/)
  })

  test('tell which of the two is older, by the processes whose random states are here', async () => {
    const [found] = await told([optimizer([group(8e-4)], 8)], [scheduler([6e-4], { lastEpoch: 32 })], 2)
    expect(found?.message).toMatch(
      /By 2 processes the scheduler was stepped 16 times, the optimizer counts 8: the optimizer is the older/,
    )
  })

  test('say nothing where a group joined later with a rate of its own to begin with', async () => {
    const joined = optimizer([group(5e-4), group(0.05, 0.1)])
    expect(await told([joined], [scheduler([5e-4, 0.05], { baseLrs: [1e-3] })])).toEqual([])
    expect(await told([joined], [scheduler([5e-4])])).toEqual([])
    expect(await told([joined], [scheduler([2e-4])])).toHaveLength(1)
  })

  test('say nothing where a script warms up by itself', async () => {
    const warming = (step: number) => optimizer([group(3e-4)], step)
    const cosine = (lastEpoch: number) => {
      const rate = (1e-3 * (1 + Math.cos((Math.PI * lastEpoch) / 20))) / 2
      return scheduler([rate], { lastEpoch, value: { base_lrs: [1e-3], T_max: 20, eta_min: 0 } })
    }
    expect(await told([warming(3)], [scheduler([1e-3], { lastEpoch: 0 })])).toEqual([])
    expect(await told([warming(3)], [scheduler([9e-4], { lastEpoch: 3 })])).toEqual([])
    expect(await told([warming(7)], [cosine(2)])).toEqual([])
    const late = optimizer([group(cosine(4).lastLr[0] as number)], 7)
    expect(await told([late], [cosine(2)])).toHaveLength(1)
  })

  test('say nothing of a plateau that has found rates of a script, and speak where it can have made the one of the other', async () => {
    const plateau = (rate: number) => scheduler([rate], { lastEpoch: 1, value: { num_bad_epochs: 0, factor: 0.1 } })
    expect(await told([optimizer([group(6e-4)], 15)], [plateau(4e-4)])).toEqual([])
    expect(await told([optimizer([group(1e-3)], 15)], [plateau(1e-5)])).toHaveLength(1)
    expect(await told([optimizer([group(1e-5)], 15)], [plateau(1e-3)])).toHaveLength(1)
    const least = scheduler([1e-3], { lastEpoch: 1, value: { num_bad_epochs: 0, factor: 0.1, min_lrs: [3e-4] } })
    expect(await told([optimizer([group(3e-4)], 15)], [least])).toHaveLength(1)
  })

  test('say nothing where the counts beside them are those of the steps and of the epochs', async () => {
    const counted = (step: number, epoch: number, lastEpoch: number) => {
      const schedulers = [scheduler([9e-4], { lastEpoch })]
      const state = { step, epoch, optimizers: [optimizer([group(6e-4)], 15)], schedulers }
      return findingsOf(rateMismatch, checkpointOf({ layout: 'folder', state }))
    }
    expect(await counted(15, 1, 1)).toEqual([])
    expect(await counted(15, 1, 2)).toEqual([])
    expect(await counted(15, 3, 1)).toHaveLength(1)
    expect(await counted(14, 1, 1)).toHaveLength(1)
  })

  test('say nothing where both were written into one file, and speak under the Trainer', async () => {
    const state = { optimizers: [optimizer([group(3e-4)], 3)], schedulers: [scheduler([9e-4], { lastEpoch: 3 })] }
    const [file] = state.optimizers.map((each) => each.file)
    const beside = {
      ...state,
      schedulers: state.schedulers.map((each) => ({ ...each, lastEpoch: 2, file: file as string })),
    }
    expect(await findingsOf(rateMismatch, checkpointOf({ layout: 'file', state: beside }))).toEqual([])
    expect(await findingsOf(rateMismatch, checkpointOf({ layout: 'trainer', state }))).toHaveLength(1)
  })

  test('say nothing where a group was added later, or schedulers take turns', async () => {
    expect(await told([optimizer([group(1e-4), { lr: 0.1 }])], [scheduler([1e-4])])).toEqual([])
    expect(await told([optimizer([group(1e-4)])], [scheduler([1e-3]), scheduler([1e-4])])).toEqual([])
    expect(await told([optimizer([{ lr: 1e-4 }])], [scheduler([], { baseLrs: [] })])).toEqual([])
  })
})
