import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { mergeSources, type Source } from '../../../src/core/history/merge'

const points = (from: number, to: number, value: (step: number) => number = (step) => 1 / step) =>
  Array.from({ length: to - from + 1 }, (_, i) => ({ step: from + i, value: value(from + i) }))
const again = (step: number) => 1 / step + 0.01
const source = (name: string, minutes: number, list: Source['points']): Source => ({
  name,
  time: minutes * 60_000,
  points: list,
})

test('checkpoints of one attempt are one course', () => {
  const merged = mergeSources([10, 20, 30].map((last) => source(`checkpoint-${last}`, last, points(1, last))))
  expect(merged).toEqual({ line: points(1, 30), abandoned: [], resumes: [] })
})

test('parts that follow one another are one course', () => {
  const merged = mergeSources([source('events.1', 1, points(1, 10)), source('events.2', 2, points(11, 20))])
  expect(merged).toEqual({ line: points(1, 20), abandoned: [], resumes: [] })
})

describe('a resume', () => {
  const old = source('checkpoint-40', 40, points(1, 40))
  const later = source('checkpoint-30', 50, [...points(1, 20), ...points(21, 30, again)])

  test('shows where the logs part; the later attempt goes on, the earlier is kept apart', () => {
    expect(mergeSources([later, old])).toEqual({
      line: later.points,
      abandoned: [{ source: 'checkpoint-40', points: points(21, 40) }],
      resumes: [20],
    })
  })

  test('shows in one log whose steps go back', () => {
    const merged = mergeSources([source('metrics.csv', 1, [...points(1, 10), ...points(6, 12, again)])])
    expect(merged.resumes).toEqual([5])
    expect(merged.line).toEqual([...points(1, 5), ...points(6, 12, again)])
    expect(merged.abandoned).toEqual([{ source: 'metrics.csv', points: points(6, 10) }])
  })

  test('from the start is a resume after step 0', () => {
    expect(mergeSources([source('a', 1, points(1, 5)), source('b', 2, points(1, 3, again))])).toMatchObject({
      resumes: [0],
      line: points(1, 3, again),
    })
  })

  test('that repeats the same values shows nothing', () => {
    expect(mergeSources([source('a', 1, points(1, 30)), source('b', 2, points(21, 40))])).toMatchObject({
      resumes: [],
      line: points(1, 40),
    })
  })

  test('told by several logs is told once', () => {
    const events = [source('events.1', 40, points(1, 40)), source('events.2', 50, points(21, 30, again))]
    const table = source('metrics.csv', 51, [...points(1, 40), ...points(21, 30, again)])
    for (const sources of [
      [...events, table],
      [table, ...events],
      [table, later, old, ...events],
    ]) {
      const merged = mergeSources(sources)
      expect(merged.line).toEqual(later.points)
      expect(merged.resumes).toEqual([20])
      expect(merged.abandoned.flatMap((stretch) => stretch.points)).toEqual(points(21, 40))
    }
  })
})

test('values that went through float32 are the same values', () => {
  const rounded = points(1, 30, (step) => Math.fround(1 / step))
  expect(mergeSources([source('a', 1, points(1, 30)), source('b', 2, rounded)])).toMatchObject({ resumes: [] })
})

test('NaN agrees with NaN', () => {
  const nan = points(1, 5, () => Number.NaN)
  expect(mergeSources([source('a', 1, nan), source('b', 2, nan)])).toEqual({ line: nan, abandoned: [], resumes: [] })
})

test('times of a copy order nothing: the log that reaches furthest is the latest', () => {
  const merged = mergeSources([
    { name: 'long', time: 1000, points: points(1, 9, again) },
    { name: 'short', time: 1500, points: points(1, 4) },
  ])
  expect(merged.line).toEqual(points(1, 9, again))
})

test('nothing merged is nothing', () => {
  expect(mergeSources([])).toEqual({ line: [], abandoned: [], resumes: [] })
  expect(mergeSources([source('a', 1, [])])).toEqual({ line: [], abandoned: [], resumes: [] })
})

describe('whatever the logs', () => {
  const logs = fc.array(
    fc.record({
      name: fc.constantFrom('a', 'b', 'c'),
      time: fc.integer({ min: 0, max: 5 }).map((minutes) => minutes * 60_000),
      points: fc.array(
        fc.record({ step: fc.integer({ min: 1, max: 12 }), value: fc.constantFrom(1, 2, 3, Number.NaN) }),
        {
          maxLength: 12,
        },
      ),
    }),
    { maxLength: 6 },
  )

  test('the order in which they are given does not matter', () => {
    fc.assert(
      fc.property(
        logs.chain((list) => fc.tuple(fc.constant(list), fc.shuffledSubarray(list, { minLength: list.length }))),
        ([list, shuffled]) => {
          expect(mergeSources(shuffled)).toEqual(mergeSources(list))
        },
      ),
    )
  })

  test('a log given twice is given once', () => {
    fc.assert(
      fc.property(logs, (list) => {
        expect(mergeSources([...list, ...list])).toEqual(mergeSources(list))
      }),
    )
  })

  test('what is merged stays as it is when merged with itself', () => {
    fc.assert(
      fc.property(logs, (list) => {
        const { line } = mergeSources(list)
        const one = { name: 'merged', time: 0, points: line }
        expect(mergeSources([one, one])).toEqual({ line, abandoned: [], resumes: [] })
      }),
    )
  })

  test('each step is told once, in order, with a value that some log gives it', () => {
    fc.assert(
      fc.property(logs, (list) => {
        const { line } = mergeSources(list)
        const steps = line.map(({ step }) => step)
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b))
        const given = list.flatMap((each) => each.points)
        for (const { step, value } of line) {
          expect(given.some((point) => point.step === step && Object.is(point.value, value))).toBe(true)
        }
      }),
    )
  })
})
