import { describe, expect, it } from 'vitest'
import { jsonPieces, jsonText, nameText, safe } from '../../../src/cli/text/safe'
import { table } from '../../../src/cli/text/table'
import { bytesText, numberText, parseSize } from '../../../src/cli/text/units'

const from = (...codes: number[]) => String.fromCharCode(...codes)

describe('safe', () => {
  it.each([
    [from(0x1b), '\\u001b'],
    [from(0x0a), '\\u000a'],
    [from(0x9b), '\\u009b'],
    [from(0x202e), '\\u202e'],
    [from(0x200b), '\\u200b'],
    [from(0xfeff), '\\ufeff'],
    [from(0x2028), '\\u2028'],
    [from(0xd83d), '\\ud83d'],
  ])('shows what acts on a terminal (%j) as an escape', (text, shown) => {
    expect(safe(`a${text}b`)).toBe(`a${shown}b`)
  })

  it('leaves letters of any script, signs and whole surrogate pairs alone', () => {
    expect(safe('模型.重み.ÄÖ→😀')).toBe('模型.重み.ÄÖ→😀')
  })
})

describe('a name of 3000 characters', () => {
  const long = `model.${'layer.'.repeat(500)}weight`
  const terminal = { write() {}, isTTY: true, columns: 100 }

  it('keeps its beginning and its end on a terminal', () => {
    const shown = nameText(long, terminal)
    expect(shown).toHaveLength(50)
    expect(shown).toMatch(/^model\.layer\..*….*\.weight$/)
    expect(nameText('wte.weight', terminal)).toBe('wte.weight')
  })

  it('is whole in a pipe, where it moves no other line', () => {
    expect(nameText(long, { write() {} })).toBe(long)
    const [first, second] = table([
      ['wte.weight', 'float32'],
      [long, 'float32'],
    ]).split('\n')
    expect(first).toBe('wte.weight  float32')
    expect(second).toBe(`${long}  float32`)
  })
})

describe('jsonText', () => {
  it('puts the schema first and ends in one line break', () => {
    expect(jsonText({ a: 1 }, false)).toBe('{"schema":1,"a":1}\n')
  })

  it('escapes what JSON itself would let through, and stays the same document', () => {
    const document = { name: from(0x202e, 0x9b, 0x7f), nested: [from(0x0a)] }
    const text = jsonText(document, true)
    expect(text).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u)
    expect(JSON.parse(text)).toEqual({ schema: 1, ...document })
  })

  it('leaves out what is undefined', () => {
    expect(jsonText({ a: undefined }, false)).toBe('{"schema":1}\n')
  })
})

describe('table', () => {
  it('aligns columns, numbers to the right', () => {
    expect(
      table(
        [
          ['a', '1'],
          ['long', '100'],
        ],
        { align: ['left', 'right'], indent: '  ' },
      ),
    ).toBe('  a       1\n  long  100\n')
  })

  it('colours a cell without moving its neighbours', () => {
    const plain = table([['a', 'b']])
    const painted = table([['a', 'b']], { paint: (cell, column) => (column === 0 ? `<${cell}>` : cell) })
    expect(painted).toBe(plain.replace('a', '<a>'))
  })
})

describe('numbers for people', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [999_960, '1.0 MB'],
    [1.5e12, '1.5 TB'],
  ])('says %d bytes as %s', (bytes, text) => {
    expect(bytesText(bytes)).toBe(text)
  })

  it.each([
    [null, '-'],
    ['NaN', 'NaN'],
    [0, '0'],
    [123456, '123456'],
    [0.123456789, '0.12346'],
    [-0.25, '-0.25'],
    [1.00001, '1'],
    [99999.6, '100000'],
    [123456.7, '123460'],
    [1.5e-7, '1.500e-7'],
    [2.5e9, '2.500e+9'],
  ])('says %j as %s', (value, text) => {
    expect(numberText(value)).toBe(text)
  })

  it.each([
    ['5GB', 5e9],
    ['500 MB', 5e8],
    ['2GiB', 2 ** 31],
    ['1.5kB', 1500],
    ['4096', 4096],
  ])('reads %s as bytes', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes)
  })

  it.each(['', 'GB', '-5GB', '0', '5XB', '1e9', '99999999TB'])('refuses %j as a size', (text) => {
    expect(() => parseSize(text)).toThrow('5GB')
  })
})

describe('a JSON document in pieces', () => {
  it.each([
    [{}],
    [{ a: 1, none: undefined, list: [], tensors: [{ name: 'x\u202ey\u001b' }], state: { lr: null } }],
    [{ tensors: Array.from({ length: 2500 }, (_, i) => ({ name: `layers.${i}`, gone: undefined })), state: ['a'] }],
  ])('is the same text as in one', (document) => {
    expect([...jsonPieces(document)].join('')).toBe(jsonText(document, false))
  })
})
