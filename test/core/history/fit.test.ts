import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Plain } from '../../../src/core/decode/plain'
import { fitSchedule } from '../../../src/core/history/fit'
import { redraw } from '../../../src/core/history/redraw'
import { checkpointOf } from '../verify/handmade'

const golden = join(import.meta.dirname, '../../golden')

interface Truth {
  readonly lr: [number, number][]
  readonly scheduler: { readonly base_lr: number }
}

const truthOf = (name: string): Truth => JSON.parse(readFileSync(join(golden, name, 'truth.json'), 'utf8'))
const lambdas = readdirSync(golden).filter((name) => /^scheduler-zoo-(hf-(?!reduce)|LambdaLR|Multi.*ive)/.test(name))

/** The checkpoint of a scheduler that kept no function, at count `saved`, with the rates logged `every` so many steps. */
function trained({ lr, scheduler }: Truth, saved: number, every: number, max_steps?: number) {
  const rate = (t: number) => (lr[t] as [number, number])[1]
  const logged = lr.slice(0, saved).map(([t, value]) => ({ step: t + 1, value }))
  const value: Plain = { lr_lambdas: [null], base_lrs: [scheduler.base_lr], last_epoch: saved }
  const checkpoint = checkpointOf({
    state: {
      step: saved,
      schedulers: [
        { file: 'scheduler.pt', lastEpoch: saved, lastLr: [rate(saved)], baseLrs: [scheduler.base_lr], value },
      ],
      records: max_steps ? [{ file: 'state.json', component: 'trainer', value: { max_steps } }] : [],
    },
  })
  return redraw(
    checkpoint,
    logged.filter(({ step }) => step % every === 0),
  )
}

/** Shapes that the first 40 of 100 steps and the end of training tell. A stable phase does not tell when it will end. */
const TOLD = ['LambdaLR', 'MultiplicativeLR', 'constant', 'constant_with_warmup', 'cosine', 'inverse_sqrt', 'linear']

describe.each(lambdas)('%s', (name) => {
  const truth = truthOf(name)
  const kind = name.replace(/^scheduler-zoo-(hf-)?/, '')

  test('is fitted to its logged rates and meets those to come, or is not drawn', () => {
    const { schedule, note } = trained(truth, 40, 1, 100)
    if (TOLD.includes(kind)) expect(schedule?.basis).toBe('fitted')
    if (schedule === null) return expect(note).toMatch(/^LambdaLR saves no function/)
    if (kind === 'warmup_stable_decay') return
    for (const { step, value } of [...schedule.points, ...schedule.projected]) {
      const rate = (truth.lr[step - 1] as [number, number])[1]
      expect(Math.abs(value - rate), `${step}`).toBeLessThanOrEqual(2e-6 * rate + 1e-9)
    }
    expect(schedule.projected.at(-1)?.step).toBe(100)
  })

  test('is not fitted to a few values', () => {
    expect(trained(truth, 40, 10, 100).schedule).toBeNull()
  })
})

test('a schedule is fitted to rates that went through float32 and were logged now and then', () => {
  const { lr, scheduler } = truthOf('scheduler-zoo-hf-cosine')
  const rounded = lr.map(([t, value]): [number, number] => [t, Math.fround(value)])
  const { schedule } = trained({ lr: rounded, scheduler }, 60, 4)
  expect(schedule?.kind).toBe('cosine')
  expect(schedule?.rateAt(91)).toBeCloseTo(lr[90]?.[1] as number, 8)
})

test('rates that two shapes meet alike are fitted only where both lead to the same end', () => {
  const falling = Array.from({ length: 20 }, (_, t) => ({ step: t, value: 1 - 1e-5 * t }))
  expect(fitSchedule(falling, { base: 1, total: 1e5 })).toBeUndefined()
  expect(fitSchedule(falling, { base: 1, total: 30 })).toMatchObject({ kind: 'linear' })
})

test('noise, rates above the base and a base of zero fit nothing', () => {
  const noisy = Array.from({ length: 40 }, (_, t) => ({ step: t, value: 0.5 + 0.3 * Math.sin(t * 7.3) }))
  expect(fitSchedule(noisy, { base: 1, total: 100 })).toBeUndefined()
  expect(fitSchedule(noisy, { base: 0.1, total: 100 })).toBeUndefined()
  expect(fitSchedule(noisy, { base: 0 })).toBeUndefined()
  expect(fitSchedule([], { base: 1 })).toBeUndefined()
})
