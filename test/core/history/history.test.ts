import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../src/core/checkpoint/open'
import { history } from '../../../src/core/history/history'

const golden = join(import.meta.dirname, '../../golden')

interface Truth {
  readonly path: string
  readonly loss: [number, number | 'nan'][]
  readonly lr: [number, number][]
  readonly eval_loss?: [number, number][]
}

function truthOf(name: string): Truth {
  return JSON.parse(readFileSync(join(golden, name, 'truth.json'), 'utf8'))
}

async function historyOf(name: string) {
  const checkpoint = await openCheckpoint(join(golden, name, truthOf(name).path))
  checkpoint.close()
  return history(checkpoint)
}

const pairs = (points: readonly { step: number; value: number }[]) => points.map(({ step, value }) => [step, value])

describe.each(['trainer-gpt2', 'trainer-lora', 'damaged-loss-jump', 'damaged-loss-nan'])('%s', (name) => {
  test('tells loss, evaluation loss and learning rate as the Trainer logged them', async () => {
    const truth = truthOf(name)
    const { loss, evalLoss, learningRate, lossUnit } = await historyOf(name)
    expect(pairs(loss)).toEqual(truth.loss.map(([step, value]) => [step, value === 'nan' ? Number.NaN : value]))
    expect(pairs(learningRate)).toEqual(truth.lr)
    if (truth.eval_loss) expect(pairs(evalLoss)).toEqual(truth.eval_loss)
    expect(lossUnit).toBe('step')
  })
})

test('the schedule of a Trainer is drawn from its arguments, and agrees with what was logged', async () => {
  const { learningRate, schedule } = await historyOf('trainer-gpt2')
  expect(schedule).toMatchObject({ kind: 'cosine', basis: 'arguments' })
  expect(schedule?.logged).toEqual({ compared: 30, differing: 0, first: null })
  expect(schedule?.points).toHaveLength(30)
  schedule?.points.forEach(({ step, value }, i) => {
    expect(step).toBe(learningRate[i]?.step)
    expect(value).toBeCloseTo(learningRate[i]?.value as number, 14)
  })
})

test('other logged numbers are metrics, bookkeeping is not', async () => {
  const { metrics } = await historyOf('trainer-gpt2')
  expect(Object.keys(metrics)).toEqual(['grad_norm'])
  expect(metrics.grad_norm).toHaveLength(30)
})

describe.each(['accelerate-plain', 'accelerate-ddp2'])('%s', (name) => {
  test('tells the loss and the metrics that the script registered', async () => {
    const { loss, metrics, lossUnit, schedule, learningRate } = await historyOf(name)
    expect(pairs(loss)).toEqual(truthOf(name).loss)
    expect(lossUnit).toBe('step')
    expect(metrics.accuracy).toHaveLength(12)
    // LambdaLR keeps no function: nothing is redrawn, and nothing made up.
    expect(schedule).toBeNull()
    expect(learningRate).toEqual([])
  })
})

test('seed-style tells losses by epoch, and the learning rate redrawn from its cosine', async () => {
  const truth = truthOf('seed-style')
  const { loss, lossUnit, learningRate, schedule } = await historyOf('seed-style')
  expect(pairs(loss)).toEqual(truth.loss)
  expect(lossUnit).toBe('epoch')
  expect(learningRate.map(({ step }) => step)).toEqual(truth.lr.map(([step]) => step))
  learningRate.forEach(({ value }, i) => {
    expect(value).toBeCloseTo(truth.lr[i]?.[1] as number, 14)
  })
  expect(schedule?.kind).toBe('CosineAnnealingLR')
  expect(schedule?.projected[0]?.step).toBe(25)
  expect(schedule?.projected.at(-1)).toEqual({ step: 61, value: 1e-5 })
})

test('a one-cycle schedule of 100000 steps is redrawn at each step and projected in strides', async () => {
  const truth = truthOf('dictconfig')
  const { learningRate, schedule } = await historyOf('dictconfig')
  expect(learningRate).toHaveLength(5000)
  for (const [step, value] of truth.lr) expect(learningRate[step - 1]?.value).toBeCloseTo(value, 14)
  expect(schedule?.kind).toBe('OneCycleLR')
  expect(schedule?.projected.length).toBeLessThanOrEqual(10_000)
  expect(schedule?.projected.at(-1)?.step).toBeGreaterThan(99_980)
})

/** Their state holds a function, or follows a metric, and nothing was logged: the shape is in no file. */
const NOT_REDRAWN = /Lambda|Multiplicative|Plateau|-hf-/

describe.each(readdirSync(golden).filter((name) => name.startsWith('scheduler-zoo-')))('%s', (name) => {
  test('is redrawn at all 100 steps as torch drew it, or said to be unknown', async () => {
    const truth = truthOf(name)
    const { schedule, scheduleNote, learningRate } = await historyOf(name)
    if (NOT_REDRAWN.test(name) || /plateau/.test(name)) {
      expect(schedule).toBeNull()
      expect(scheduleNote).toMatch(/plateau/i.test(name) ? /^ReduceLROnPlateau follows/ : /^LambdaLR saves no function/)
      return
    }
    expect(schedule).toMatchObject({ basis: 'state', logged: { compared: 0, first: null } })
    expect(scheduleNote).toBeUndefined()
    expect(schedule?.points).toHaveLength(20)
    expect(learningRate).toEqual(schedule?.points)
    expect(truth.lr).toHaveLength(100)
    // The truth counts as the scheduler does: its rate at t is the one that step t + 1 uses.
    for (const [t, rate] of truth.lr) {
      expect(Math.abs((schedule?.rateAt(t + 1) ?? Number.NaN) - rate), `${t}`).toBeLessThanOrEqual(1e-9 * rate)
    }
  })
})

describe('jumps', () => {
  test('a loss that leaps after a resume is told where it leaps', async () => {
    const { jumps } = await historyOf('damaged-loss-jump')
    expect(jumps).toMatchObject([{ series: 'loss', step: 21, from: 3.51053786277771, to: 6.499468803405762 }])
  })

  test('a loss that turns NaN is told once', async () => {
    const { jumps } = await historyOf('damaged-loss-nan')
    expect(jumps).toMatchObject([{ series: 'loss', step: 24, to: Number.NaN }])
  })

  test.each(['trainer-gpt2', 'trainer-lora', 'accelerate-plain', 'seed-style'])('%s has none', async (name) => {
    expect((await historyOf(name)).jumps).toEqual([])
  })
})
