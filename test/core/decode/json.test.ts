import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseJson } from '../../../src/core/decode/json'

const parse = (text: string) => parseJson(text, 'state.json')

it('reads what Python writes: bare NaN and infinities, and whole numbers of any size', () => {
  expect(parse('[NaN, Infinity, -Infinity, 12345678901234567890, -9007199254740993, 9007199254740991]')).toEqual([
    Number.NaN,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    12345678901234567890n,
    -9007199254740993n,
    9007199254740991,
  ])
  expect(parse('1234567890123456789.5')).toBe(1234567890123456800)
})

it('gives objects without prototype, where __proto__ is a key and the last of equal keys counts', () => {
  const value = parse('{"__proto__": {"a": 1}, "constructor": 2, "b": 3, "b": 4}') as Record<string, unknown>
  expect(Object.getPrototypeOf(value)).toBeNull()
  expect(Object.keys(value)).toEqual(['__proto__', 'constructor', 'b'])
  expect(Object.values(value)[0]).toEqual({ a: 1 })
  expect(value.b).toBe(4)
  expect(({} as { a?: number }).a).toBeUndefined()
})

it('passes over a byte order mark and white space', () => {
  expect(parse('\ufeff \t\r\n{ "a" : [ ] }\n')).toEqual({ a: [] })
})

it('agrees with JSON.parse on all that JSON can hold', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(clean(parse(text))).toEqual(clean(JSON.parse(text)))
    }),
  )
})

it('agrees with JSON.parse on what is no JSON', () => {
  const pieces = fc.constantFrom(...'{}[]",:\\ue0123456789-+.truefalsn \n\u0000')
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (letters) => {
      const text = letters.join('')
      let sound = true
      try {
        JSON.parse(text)
      } catch {
        sound = false
      }
      if (sound) expect(clean(parse(text))).toEqual(clean(JSON.parse(text)))
      else expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'file/bad-header' }))
    }),
    { numRuns: 2000 },
  )
})

describe('text that is no JSON', () => {
  it.each([
    ['', 'the text ends early'],
    ['{"a": 1', 'expected a comma or }'],
    ['[1 2]', 'expected a comma or ]'],
    ['{"a" 1}', 'expected a colon after the key'],
    ['{a: 1}', 'expected a text in double quotes'],
    ['"abc', 'a text does not end'],
    ['"a\nb"', 'a control character stands in a text'],
    ['"\\x"', 'a text holds an unknown escape'],
    ['[1] x', 'something follows the end of the value'],
    ['nan', 'expected a value'],
  ])('%j is refused with the place: %s', (text, why) => {
    expect(() => parse(text)).toThrow(
      expect.objectContaining({ code: 'file/bad-header', file: 'state.json', message: expect.stringContaining(why) }),
    )
  })

  it('may be a hundred thousand brackets deep', () => {
    expect(() => parse('['.repeat(100_000))).toThrow('more than 500 arrays and objects')
    expect(() => parse('{"a":'.repeat(100_000))).toThrow('more than 500 arrays and objects')
    expect(() => parse(`${'['.repeat(500)}${']'.repeat(500)}`)).not.toThrow()
    expect(() => parse(`[${Array(2000).fill('[[]]').join()}]`)).not.toThrow()
  })
})

/** Comparable whatever the prototypes, and with whole numbers as JSON.parse rounds them. */
function clean(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(clean)
  if (typeof value === 'bigint') return Number(value)
  if (value === null || typeof value !== 'object') return value
  return new Map(Object.entries(value).map(([key, item]) => [key, clean(item)]))
}

it('refuses text that stands for more values than memory should hold', () => {
  expect(() => parse(`[${'{},'.repeat(3_000_001)}0]`)).toThrow(expect.objectContaining({ code: 'file/resource-bomb' }))
})
