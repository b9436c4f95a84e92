import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { scheduleArguments, transformersSchedule } from '../../../src/core/history/transformers-schedule'

const golden = join(import.meta.dirname, '../../golden')
const REDRAWN = readdirSync(golden).filter((name) => /^scheduler-zoo-hf-(?!reduce)/.test(name))

describe.each(REDRAWN)('%s', (name) => {
  test('is drawn from the arguments as transformers draws it', () => {
    const { scheduler, lr } = JSON.parse(readFileSync(join(golden, name, 'truth.json'), 'utf8'))
    const { num_warmup_steps: warmup, num_training_steps: total, ...options } = scheduler.args
    const type = name.slice('scheduler-zoo-hf-'.length)
    const schedule = transformersSchedule({
      type,
      warmup,
      total,
      base: scheduler.base_lr,
      option: (key) => options[key],
    })
    for (const [t, value] of lr)
      expect(schedule?.rate(t)).toSatisfy((rate: number) => Math.abs(rate - value) <= 1e-9 * value)
  })
})

test('a type whose arguments are not known is not drawn', () => {
  const how = { warmup: 1, total: 10, base: 1, option: () => undefined }
  expect(transformersSchedule({ ...how, type: 'warmup_stable_decay' })).toBeUndefined()
  expect(transformersSchedule({ ...how, type: 'cosine_with_min_lr' })).toBeUndefined()
})

test('warmup may be given in steps, as a ratio of its own, or as a number of steps below one', () => {
  const warmup = (fields: Record<string, number>) =>
    scheduleArguments([{ '<TrainingArguments>': { lr_scheduler_type: 'linear', ...fields } }], 1, 90)?.warmup
  expect(warmup({ warmup_steps: 5 })).toBe(5)
  expect(warmup({ warmup_steps: 0, warmup_ratio: 0.1 })).toBe(9)
  expect(warmup({ warmup_steps: 0.05 })).toBe(5)
  expect(warmup({})).toBe(0)
  expect(scheduleArguments([{ learning_rate: 1 }, null, []], 1, 90)).toBeUndefined()
})
