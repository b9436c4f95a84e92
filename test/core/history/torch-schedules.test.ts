import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseJson } from '../../../src/core/decode/json'
import type { Plain } from '../../../src/core/decode/plain'
import { scheduleOf } from '../../../src/core/history/schedule'

interface Case {
  readonly name: string
  readonly state: Plain
  readonly group: Record<string, number>
  readonly rates: readonly number[]
}

const text = readFileSync(join(import.meta.dirname, 'torch-schedules.json'), 'utf8')
const { cases } = parseJson(text, 'torch-schedules.json') as unknown as { cases: readonly Case[] }

describe.each(cases)('$name', ({ name, state, group, rates }) => {
  test('is redrawn as torch set it, at every step', () => {
    const schedule = scheduleOf(state, (key) => group[key])
    expect(name.startsWith(schedule?.kind ?? '?')).toBe(true)
    rates.forEach((rate, t) => {
      expect(Math.abs((schedule?.rate(t) ?? Number.NaN) - rate), `${t}`).toBeLessThanOrEqual(1e-9 * rate)
    })
  })
})
