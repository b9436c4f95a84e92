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

  test('say nothing where a group was added later, or schedulers take turns', async () => {
    expect(await told([optimizer([group(1e-4), { lr: 0.1 }])], [scheduler([1e-4])])).toEqual([])
    expect(await told([optimizer([group(1e-4)])], [scheduler([1e-3]), scheduler([1e-4])])).toEqual([])
    expect(await told([optimizer([{ lr: 1e-4 }])], [scheduler([], { baseLrs: [] })])).toEqual([])
  })
})
