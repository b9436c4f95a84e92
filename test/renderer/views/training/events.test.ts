import { describe, expect, it } from 'vitest'
import { eventsOf } from '../../../../src/renderer/views/training/events'
import { lossLines } from '../../../../src/renderer/views/training/loss'
import { NO_HISTORY } from '../../fixture/case'

const loss = Array.from({ length: 100 }, (_, i) => ({ step: (i + 1) * 10, value: 2 }))

describe('what happened in a chart', () => {
  it('is told in its order, each by name and with the values it lies between', () => {
    const history = {
      ...NO_HISTORY,
      loss,
      spikes: [{ series: 'loss', step: 500, from: 2, to: 9 }],
      jumps: [
        { series: 'evalLoss', step: 300, from: 2, to: 4 },
        { series: 'loss', step: 700, from: 2, to: 'NaN' as const },
      ],
    }
    expect(eventsOf(history, ['loss', 'evalLoss']).map(({ kind, text, y }) => [kind, text, y])).toEqual([
      ['jump', 'Jump of the eval loss at step 300: 2 → 4', 4],
      ['spike', 'Spike at step 500: 2 → 9', 9],
      ['lost', 'No number at step 700: 2 → NaN', null],
    ])
    expect(eventsOf(history, ['evalLoss'])).toHaveLength(1)
  })

  it('says of a jump that it came with a resume, only where nothing was logged between', () => {
    const jump = (step: number) => ({ series: 'loss', step, from: 2, to: 4 })
    const history = { ...NO_HISTORY, loss, resumes: [0, 400], jumps: [jump(410), jump(430)] }
    const texts = eventsOf(history, ['loss']).map(({ text }) => text)
    expect(texts).toEqual([
      'Training was begun anew',
      'Training was resumed from step 400',
      'Jump at step 410, right after training was resumed from 400: 2 → 4',
      'Jump at step 430: 2 → 4',
    ])
  })

  it('names the attempts that were given up, and draws them', () => {
    const points = [
      { step: 410, value: 3 },
      { step: 420, value: 3 },
    ]
    const later = { series: 'loss', source: 'checkpoint-430', points: [{ step: 430, value: 3 }] }
    const other = { series: 'loss', source: 'checkpoint-450', points: [{ step: 450, value: 3 }] }
    const first = { series: 'loss', source: '/run/checkpoint-420', points }
    const history = { ...NO_HISTORY, loss, resumes: [400, 440], abandoned: [first, later, other] }
    const abandoned = eventsOf(history, ['loss', 'evalLoss']).filter(({ kind }) => kind === 'abandoned')
    expect(abandoned.map(({ text }) => text)).toEqual([
      'Abandoned attempt: step 410 to 430 in checkpoint-420, checkpoint-430 was gone over again',
      'Abandoned attempt: step 450 in checkpoint-450 was gone over again',
    ])
    expect(lossLines(history).map(({ name, style }) => [name, style])).toEqual([
      ['Abandoned (/run/checkpoint-420, checkpoint-430)', 'abandoned'],
      ['Abandoned (checkpoint-450)', 'abandoned'],
      ['Loss', undefined],
    ])
  })

  it('smoothed keeps the raw line faint behind', () => {
    const lines = lossLines({ ...NO_HISTORY, loss }, 0.9)
    expect(lines.map(({ name, style }) => [name, style])).toEqual([
      ['Loss as logged', 'faint'],
      ['Loss, smoothed', undefined],
    ])
  })
})
