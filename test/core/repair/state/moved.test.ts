import { expect, it } from 'vitest'
import { plainOf } from '../../../../src/core/decode/pickle/plain-of'
import type { Plain } from '../../../../src/core/decode/plain'
import { movedTo } from '../../../../src/core/repair/state/moved'
import { golden, opened } from '../cases'

async function stateOf(kind: string) {
  const checkpoint = await opened(golden(`scheduler-zoo-${kind}/data/scheduler.pt`))
  const value = checkpoint.files[0]?.value
  const lastLr = checkpoint.state.schedulers[0]?.lastLr ?? []
  if (value === undefined) throw new Error(`There is no scheduler of ${kind}`)
  return { value, lastLr }
}

function moved(...[value, count, now]: Parameters<typeof movedTo>) {
  const made = movedTo(value, count, now)
  if (typeof made === 'string') throw new Error(made)
  return made
}

it.each([
  ...['SequentialLR', 'CosineAnnealingWarmRestarts', 'OneCycleLR', 'CyclicLR', 'CosineAnnealingLR', 'MultiStepLR'],
  ...['StepLR', 'LinearLR', 'PolynomialLR', 'ExponentialLR', 'ConstantLR', 'LambdaLR', 'MultiplicativeLR'],
  ...['hf-cosine', 'hf-linear', 'hf-warmup_stable_decay', 'hf-constant'],
])('%s of step 20, moved to step 5 or 47 and back, is what it was', async (kind) => {
  const { value, lastLr } = await stateOf(kind)
  for (const other of [5, 47]) {
    const away = moved(value, other, [1e-4])
    expect(plainOf(away)).not.toEqual(plainOf(value))
    expectNear(plainOf(moved(away, 20, lastLr)), plainOf(value))
  }
})

/** The same, numbers but for the rounding of another form of the same formula. */
function expectNear(found: Plain, wanted: Plain) {
  const rounded = (value: Plain) =>
    JSON.parse(JSON.stringify(value, (_, each) => (typeof each === 'number' ? Number(each.toPrecision(9)) : each)))
  expect(rounded(found)).toEqual(rounded(wanted))
}

it('every part of a ChainedScheduler counts with the others', async () => {
  const { value } = await stateOf('ChainedScheduler')
  const state = plainOf(moved(value, 33, [1e-4])) as { _schedulers: { last_epoch: number; _step_count: number }[] }
  expect(state._schedulers.map(({ last_epoch, _step_count }) => [last_epoch, _step_count])).toEqual(
    state._schedulers.map(() => [33, 34]),
  )
  expect(state).toMatchObject({ _last_lr: [1e-4] })
})

it('a part of a SequentialLR stands still before and after its turn', async () => {
  const { value } = await stateOf('SequentialLR')
  const counts = (at: number) => {
    const state = plainOf(moved(value, at, [1e-4])) as { _schedulers: { last_epoch: number }[] }
    return state._schedulers.map(({ last_epoch }) => last_epoch)
  }
  // Its milestone is 10.
  expect([counts(9), counts(10), counts(11)]).toEqual([
    [9, -1],
    [9, 0],
    [9, 1],
  ])
})

it.each(['ReduceLROnPlateau', 'hf-reduce_lr_on_plateau'])('%s is not moved: it follows no count', async (kind) => {
  const { value } = await stateOf(kind)
  expect(movedTo(value, 33, [1e-4])).toContain('follows what training measures')
})
