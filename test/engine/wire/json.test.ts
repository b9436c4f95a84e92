import { describe, expect, it } from 'vitest'
import type { Plain } from '../../../src/core/decode/plain'
import { jsonNumber, jsonOf } from '../../../src/engine/wire/json'

describe('numbers on the wire', () => {
  it('are themselves where JSON can hold them and text where it cannot', () => {
    expect([0, -1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY].map(jsonNumber)).toEqual([
      0,
      -1.5,
      'NaN',
      'Infinity',
      '-Infinity',
    ])
  })

  it('keep the digits of integers beyond 2^53 as text', () => {
    expect(jsonOf([12n, 2n ** 64n])).toEqual([12, '18446744073709551616'])
  })
})

describe('values on the wire', () => {
  it('keep a key called __proto__', () => {
    const value = JSON.parse('{"__proto__": {"polluted": true}, "a": [null, true, "x"]}') as Plain
    const wired = jsonOf(value)
    expect(JSON.stringify(wired)).toBe('{"__proto__":{"polluted":true},"a":[null,true,"x"]}')
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined()
  })

  it('end in a sentence where they are nested too deep', () => {
    let value: Plain = 'bottom'
    for (let i = 0; i < 100_000; i++) value = [value]
    const text = JSON.stringify(jsonOf(value))
    expect(text).toContain('nested deeper')
    expect(text.length).toBeLessThan(100)
  })

  it('end in a count where there are too many', () => {
    const wired = jsonOf({ steps: Array.from({ length: 50_000 }, (_, i) => i), after: 1 }) as { steps: unknown[] }
    expect(wired.steps.length).toBeLessThan(20_001)
    expect(wired.steps.at(-1)).toMatch(/… \(\d+ more\)/)
  })
})
