import { expect, test } from 'vitest'
import type { Plain } from '../../../src/core/decode/plain'
import { logsOf } from '../../../src/core/history/logs'

test('a log keeps the order it was written in, so that a resume shows', () => {
  const log_history = [
    { step: 1, loss: 3 },
    { step: 2, loss: 2.5 },
    { step: 3, loss: 2.2 },
    { step: 2, loss: 2.4 },
    { step: 3, loss: 2.1 },
  ]
  expect(logsOf({ log_history }, {}).loss.map(({ step }) => step)).toEqual([1, 2, 3, 2, 3])
})

test('the row of totals at the end is no loss', () => {
  const log_history: Plain[] = [
    { step: 1, loss: 3, learning_rate: 0.1, epoch: 1 },
    { step: 1, train_loss: 3, train_runtime: 8, total_flos: 1e9, epoch: 1 },
  ]
  const { loss, learningRate, metrics } = logsOf({ log_history }, {})
  expect(loss).toHaveLength(1)
  expect(learningRate).toHaveLength(1)
  expect(metrics.size).toBe(0)
})

test('NaN and infinities are kept, as numbers and as text', () => {
  const log_history = [
    { step: 1, loss: Number.NaN },
    { step: 2, loss: 'inf' },
  ]
  expect(logsOf({ log_history }, {}).loss.map(({ value }) => value)).toEqual([Number.NaN, Number.POSITIVE_INFINITY])
})

test('a list with one entry for each epoch is by epoch, one with fewer than steps is spread over them', () => {
  expect(logsOf({ losses: [3, 2] }, { step: 100, epoch: 2 })).toMatchObject({
    lossUnit: 'epoch',
    loss: [{ step: 1 }, { step: 2 }],
  })
  expect(logsOf({ losses: [3, 2, 1, 1] }, { step: 100, epoch: 2 })).toMatchObject({
    lossUnit: 'step',
    loss: [{ step: 25 }, { step: 50 }, { step: 75 }, { step: 100 }],
  })
})

test('beside losses by step, values by epoch stand at the last step of their epoch', () => {
  const value = { val_losses: [5, 4], train_losses: [4, 3, 2, 1], history: { accuracy: [0.5, 0.6] } }
  const { evalLoss, metrics } = logsOf(value, { step: 4, epoch: 2 })
  expect(evalLoss.map(({ step }) => step)).toEqual([2, 4])
  expect(metrics.get('accuracy')?.map(({ step }) => step)).toEqual([2, 4])
})

test('lists of other things are no series', () => {
  const value = {
    tokens: [1, 2, 3],
    loss: [],
    losses: ['a', 1],
    loss_fn: 'mse',
    deep: { deeper: { deepest: { losses: [1] } } },
  }
  expect(logsOf(value, {})).toMatchObject({ loss: [], evalLoss: [], learningRate: [] })
})

test('a series may have any name', () => {
  const rows = [JSON.parse('{"step": 1, "__proto__": 4, "constructor": 5}')]
  const { metrics } = logsOf({ log_history: rows }, {})
  expect([...metrics.keys()]).toEqual(['__proto__', 'constructor'])
})
