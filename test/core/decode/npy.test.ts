import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseNpyHeader } from '../../../src/core/decode/npy'
import { parsePythonLiteral } from '../../../src/core/decode/python-literal'
import { AssayError } from '../../../src/core/errors'

/** A .npy head of version 1 around the text of its header. */
function npy(header: string): Uint8Array {
  const text = new TextEncoder().encode(header)
  const length = [text.length & 255, text.length >> 8]
  return Uint8Array.from([0x93, ...Buffer.from('NUMPY'), 1, 0, ...length, ...text])
}
const parse = (descr: string, rest = "'fortran_order': False, 'shape': (2, 3), ") =>
  parseNpyHeader(npy(`{'descr': ${descr}, ${rest}}`), 'a.npy')

describe('the header of a .npy file', () => {
  it.each([
    ["'<f4'", { dtype: 'float32', bigEndian: false }],
    ["'>f8'", { dtype: 'float64', bigEndian: true }],
    ["'|b1'", { dtype: 'bool' }],
    ["'<c16'", { dtype: 'complex128' }],
    ["'|O'", { dtype: undefined, what: 'Python objects', pickled: true }],
    ["'|O8'", { dtype: undefined, what: 'Python objects', pickled: true }],
    ["'<U7'", { dtype: undefined, what: 'texts', pickled: false }],
    ["'<f16'", { dtype: undefined, what: 'floats of extended precision' }],
    ["'<M8[ns]'", { dtype: undefined, what: 'dates' }],
    ["[('x', '<f4'), ('y', '<i8', (2,))]", { dtype: undefined, what: 'records of x <f4, y <i8', pickled: false }],
    ["[('x', [('o', '|O')])]", { dtype: undefined, what: 'records of x records', pickled: true }],
  ])('knows elements of %s', (descr, expected) => {
    expect(parse(descr)).toMatchObject({ shape: [2, 3], fortranOrder: false, ...expected })
  })

  it('takes what Python 2 wrote', () => {
    expect(parse("'<i8'", "'fortran_order': True, 'shape': (2L, 3L)")).toMatchObject({
      shape: [2, 3],
      fortranOrder: true,
    })
  })

  it.each([
    ['code in place of a literal', "{'descr': __import__('os').system('x'), 'fortran_order': False, 'shape': ()}"],
    ['a shape that is negative', "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"],
    ['a shape beyond all numbers', "{'descr': '<f4', 'fortran_order': False, 'shape': (9007199254740991, 9)}"],
    ['no shape', "{'descr': '<f4'}"],
    ['a list in place of the dict', "['<f4', False, ()]"],
    ['brackets one in another without end', '['.repeat(5000)],
    ['something behind the dict', "{'descr': '<f4', 'fortran_order': False, 'shape': ()} 1"],
  ])('with %s is refused', (_, header) => {
    expect(() => parseNpyHeader(npy(header), 'a.npy')).toThrowError(
      expect.objectContaining({ code: 'file/bad-header', file: 'a.npy' }),
    )
  })

  it('that is longer than the file is cut, not believed', () => {
    const head = npy("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}")
    expect(() => parseNpyHeader(head.subarray(0, 20), 'a.npy')).toThrowError(
      expect.objectContaining({ code: 'file/truncated' }),
    )
  })

  it('of any text parses or fails with a code', () => {
    const piece = fc.constantFrom(
      "{'descr': ",
      "'<f4'",
      "'shape'",
      ': (',
      '2, ',
      ')',
      '}',
      '[',
      ']',
      'None',
      '"',
      '\\',
      ' ',
      '9'.repeat(9),
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
        try {
          parseNpyHeader(npy(pieces.join('')), 'a.npy')
        } catch (error) {
          expect(error).toBeInstanceOf(AssayError)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a Python literal', () => {
  it('keeps a key named __proto__ as a key', () => {
    const value = parsePythonLiteral("{'__proto__': {'a': (1, [True, None])}}", 'x')
    expect(Object.keys(value as object)).toEqual(['__proto__'])
  })

  it('of a long run of digits takes no time', () => {
    expect(parsePythonLiteral('9'.repeat(60_000), 'x')).toBe(Number.POSITIVE_INFINITY)
  })
})
