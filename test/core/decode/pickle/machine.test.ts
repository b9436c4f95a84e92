import { describe, expect, it } from 'vitest'
import { decodePickle } from '../../../../src/core/decode/pickle/machine'
import { OPCODES } from '../../../../src/core/decode/pickle/opcodes'
import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  type PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type PyValue,
} from '../../../../src/core/decode/pickle/value'
import { global, little, type Part, pickle, raw, text } from './assemble'

function read(bytes: Uint8Array): PyValue | undefined {
  const { value, error } = decodePickle(bytes)
  if (error) throw error
  return value
}

function errorOf(bytes: Uint8Array): string {
  const { error, value } = decodePickle(bytes)
  expect(value).toBeUndefined()
  return `${error?.code} ${error?.message}`
}

it('knows the 68 opcodes of protocols 0 to 5, each once', () => {
  expect(OPCODES).toHaveLength(68)
  expect(new Set(OPCODES.map(({ code }) => code)).size).toBe(68)
  expect(new Set(OPCODES.map(({ name }) => name)).size).toBe(68)
})

describe('numbers', () => {
  it.each<[string, Uint8Array, PyValue]>([
    ['BININT1', pickle('BININT1', 255, 'STOP'), 255],
    ['BININT2', pickle('BININT2', 1, 2, 'STOP'), 513],
    ['BININT, signed', pickle('BININT', little(-5, 4), 'STOP'), -5],
    ['INT', pickle('INT', raw('-12\n'), 'STOP'), -12],
    ['INT as protocol 0 writes True', pickle('INT', raw('01\n'), 'STOP'), true],
    ['INT as protocol 0 writes False', pickle('INT', raw('00\n'), 'STOP'), false],
    [
      'LONG with its L',
      pickle('LONG', raw('123456789012345678901234567890L\n'), 'STOP'),
      123456789012345678901234567890n,
    ],
    ['LONG1 of no bytes', pickle('LONG1', 0, 'STOP'), 0],
    ['LONG1, negative', pickle('LONG1', 1, 0xff, 'STOP'), -1],
    ['LONG1 at the edge of safety', pickle('LONG1', 7, little(2n ** 53n - 1n, 7), 'STOP'), 2 ** 53 - 1],
    ['LONG1 beyond it', pickle('LONG1', 8, little(2n ** 53n, 8), 'STOP'), 2n ** 53n],
    ['LONG4', pickle('LONG4', little(9, 4), little(-(2n ** 64n), 9), 'STOP'), -(2n ** 64n)],
    ['NEWTRUE', pickle('NEWTRUE', 'STOP'), true],
    ['NONE', pickle('NONE', 'STOP'), null],
  ])('%s', (_, bytes, expected) => expect(read(bytes)).toBe(expected))

  it('keeps floats apart from ints', () => {
    expect(read(pickle('BINFLOAT', 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 'STOP'))).toEqual(new PyFloat(1))
    expect(read(pickle('FLOAT', raw('-1.5e3\n'), 'STOP'))).toEqual(new PyFloat(-1500))
    expect(read(pickle('FLOAT', raw('-inf\n'), 'STOP'))).toEqual(new PyFloat(-Infinity))
    expect(read(pickle('FLOAT', raw('nan\n'), 'STOP'))).toEqual(new PyFloat(Number.NaN))
  })

  it.each([
    ['INT', raw('twelve\n')],
    ['FLOAT', raw('1.2.3\n')],
    ['LONG', raw('\n')],
  ] as const)('refuses %s that is no number', (opcode, line) => {
    expect(errorOf(pickle(opcode, line, 'STOP'))).toMatch(/^pickle\/malformed/)
  })
})

describe('texts and bytes', () => {
  it('reads UTF-8 of any length', () => {
    for (const word of ['', 'a', 'naïve', '層', 'x'.repeat(200), 'é'.repeat(100)]) {
      const data = new TextEncoder().encode(word)
      expect(read(pickle('BINUNICODE', little(data.length, 4), data, 'STOP'))).toBe(word)
      expect(read(pickle('BINUNICODE8', little(data.length, 8), data, 'STOP'))).toBe(word)
    }
  })

  it('keeps lone surrogates, as surrogatepass writes them', () => {
    const data = Uint8Array.from([0x61, 0xed, 0xa0, 0x80, 0x62, 0xed, 0xbf, 0xbf])
    expect(read(pickle('BINUNICODE', little(data.length, 4), data, 'STOP'))).toBe('a\ud800b\udfff')
  })

  it('refuses text that is no UTF-8', () => {
    expect(errorOf(pickle('SHORT_BINUNICODE', 2, 0xc3, 0x28, 'STOP'))).toMatch(/not UTF-8/)
  })

  it('reads raw-unicode-escape', () => {
    expect(read(pickle('UNICODE', raw('a\\u00e9b\\U0001f600\\\\n\n'), 'STOP'))).toBe('aéb😀\\\\n')
    expect(errorOf(pickle('UNICODE', raw('\\u12\n'), 'STOP'))).toMatch(/broken escape/)
  })

  it("takes Python 2's strings for text where they are UTF-8, for bytes elsewhere", () => {
    expect(read(pickle('SHORT_BINSTRING', 3, raw('abc'), 'STOP'))).toBe('abc')
    expect(read(pickle('SHORT_BINSTRING', 2, 0xff, 0xfe, 'STOP'))).toEqual(new PyBytes(Uint8Array.from([0xff, 0xfe])))
    expect(read(pickle('BINSTRING', little(2, 4), raw('ok'), 'STOP'))).toBe('ok')
    expect(read(pickle('STRING', raw("'it\\'s\\n\\x41\\101'\n"), 'STOP'))).toBe("it's\nAA")
    expect(errorOf(pickle('STRING', raw('bare\n'), 'STOP'))).toMatch(/not quoted/)
  })

  it('tells bytes from bytearray', () => {
    expect(read(pickle('SHORT_BINBYTES', 2, 1, 2, 'STOP'))).toEqual(new PyBytes(Uint8Array.from([1, 2])))
    expect(read(pickle('BYTEARRAY8', little(1, 8), 7, 'STOP'))).toEqual(new PyBytes(Uint8Array.from([7]), true))
  })
})

describe('containers', () => {
  it('builds lists, tuples, dicts and sets', () => {
    expect(read(pickle('MARK', 'BININT1', 1, 'BININT1', 2, 'LIST', 'STOP'))).toEqual(new PyList([1, 2]))
    expect(read(pickle('EMPTY_LIST', 'MARK', 'NONE', 'NEWTRUE', 'APPENDS', 'BININT1', 3, 'APPEND', 'STOP'))).toEqual(
      new PyList([null, true, 3]),
    )
    expect(read(pickle('BININT1', 1, 'BININT1', 2, 'BININT1', 3, 'TUPLE3', 'STOP'))).toEqual(new PyTuple([1, 2, 3]))
    expect(read(pickle('MARK', 'BININT1', 1, 'TUPLE', 'TUPLE1', 'STOP'))).toEqual(new PyTuple([new PyTuple([1])]))
    const dict = read(pickle('EMPTY_DICT', 'MARK', text('a'), 'BININT1', 1, 'BININT1', 0, 'NONE', 'SETITEMS', 'STOP'))
    expect([...(dict as PyDict).entries]).toEqual([
      ['a', 1],
      [0, null],
    ])
    expect(read(pickle('EMPTY_SET', 'MARK', 'BININT1', 1, 'ADDITEMS', 'STOP'))).toEqual(new PySet([1]))
    expect(read(pickle('MARK', 'BININT1', 1, 'FROZENSET', 'STOP'))).toEqual(new PySet([1], true))
  })

  it('keeps shared and cyclic references', () => {
    const list = read(pickle('EMPTY_LIST', 'BINPUT', 0, 'BINGET', 0, 'APPEND', 'STOP')) as PyList
    expect(list.items[0]).toBe(list)
    const pair = read(pickle('EMPTY_LIST', 'DUP', 'TUPLE2', 'STOP')) as PyTuple
    expect(pair.items[0]).toBe(pair.items[1])
  })

  it('gives a tuple its three kinds of ends a common one', () => {
    for (const [n, opcode] of [
      [1, 'TUPLE1'],
      [2, 'TUPLE2'],
      [3, 'TUPLE3'],
    ] as const) {
      const parts = Array.from({ length: n }, () => 'NONE' as const)
      expect(read(pickle(...parts, opcode, 'STOP'))).toEqual(read(pickle('MARK', ...parts, 'TUPLE', 'STOP')))
    }
  })

  it('gives back from the memo of a long pickle what a short one gives, however it is stored and asked for', () => {
    const filler = (length: number) => [
      ...['BINBYTES' as const, little(length, 4), new Uint8Array(length), 'MEMOIZE' as const],
    ]
    const stored: Part[] = [text('a'), 'MEMOIZE', text('b'), 'MEMOIZE', 'EMPTY_LIST', 'MEMOIZE', text('c'), 'BINPUT', 9]
    const again: Part[] = [text('d'), 'BINPUT', 1, text('e'), 'MEMOIZE']
    const asked: Part[] = ['BINGET', 1, 'LONG_BINGET', little(9, 4), 'GET', raw('3\n'), 'BINGET', 2, 'BINGET', 5]
    const of = (length: number) =>
      (read(pickle('MARK', ...filler(length), ...stored, ...again, ...asked, 'TUPLE', 'STOP')) as PyTuple).items.slice(
        1,
      )
    expect(of(2 ** 20)).toEqual(of(1))
    expect(of(2 ** 20).slice(6)).toEqual(['d', 'c', new PyList(), 'b', 'e'])
    const never = pickle(...filler(2 ** 20), 'POP', 'BINGET', 3, 'STOP')
    expect(errorOf(never)).toMatch(/memo entry 3/)
  })

  it('counts memo entries for MEMOIZE, and takes any index for PUT', () => {
    const bytes = pickle('EMPTY_LIST', 'LONG_BINPUT', little(2 ** 32 - 1, 4), 'MEMOIZE', 'BINGET', 1, 'TUPLE2', 'STOP')
    const { items } = read(bytes) as PyTuple
    expect(items[1]).toBe(items[0])
    const again = pickle('NONE', 'PUT', raw('0\n'), 'POP', 'NEWTRUE', 'BINPUT', 0, 'POP', 'GET', raw('0\n'), 'STOP')
    expect(read(again)).toBe(true)
    expect(errorOf(pickle('BINGET', 3, 'STOP'))).toMatch(/memo entry 3/)
  })

  it('pops values, and marks that nothing follows', () => {
    expect(read(pickle('NEWTRUE', 'NONE', 'POP', 'STOP'))).toBe(true)
    expect(read(pickle('NEWTRUE', 'MARK', 'POP', 'STOP'))).toBe(true)
    expect(read(pickle('NEWTRUE', 'MARK', 'NONE', 'NONE', 'POP_MARK', 'STOP'))).toBe(true)
  })

  it('does not let an opcode reach below a mark', () => {
    expect(errorOf(pickle('NONE', 'NONE', 'MARK', 'TUPLE2', 'STOP'))).toMatch(/empty stack/)
  })
})

describe('objects', () => {
  it('records calls and what is done to their results', () => {
    const bytes = pickle(
      global('collections', 'OrderedDict'),
      'EMPTY_TUPLE',
      'REDUCE',
      text('k'),
      'BININT1',
      1,
      'SETITEM',
      'EMPTY_DICT',
      'BUILD',
      'STOP',
    )
    const object = read(bytes) as PyObject
    expect(object.callable).toEqual(new PyGlobal('collections', 'OrderedDict'))
    expect(object.how).toBe('reduce')
    expect([...object.entries]).toEqual([['k', 1]])
    expect(object.state).toEqual(new PyDict())
  })

  it('records instances however they are made', () => {
    const type = global('m', 'C')
    const how = (bytes: Uint8Array) => {
      const object = read(bytes) as PyObject
      expect(object.args).toEqual(new PyTuple([1]))
      expect(object.callable).toEqual(new PyGlobal('m', 'C'))
      return object.how
    }
    expect(how(pickle(type, 'BININT1', 1, 'TUPLE1', 'NEWOBJ', 'STOP'))).toBe('newobj')
    expect(how(pickle(type, 'BININT1', 1, 'TUPLE1', 'EMPTY_DICT', 'NEWOBJ_EX', 'STOP'))).toBe('newobj-ex')
    expect(how(pickle('MARK', type, 'BININT1', 1, 'OBJ', 'STOP'))).toBe('obj')
    expect(how(pickle('MARK', 'BININT1', 1, 'INST', raw('m\nC\n'), 'STOP'))).toBe('inst')
  })

  it('records persistent ids of torch and refuses others', () => {
    const id = new PyTuple(['storage', 7])
    expect(read(pickle(text('storage'), 'BININT1', 7, 'TUPLE2', 'BINPERSID', 'STOP'))).toEqual(new PyPersistent(id))
    expect(errorOf(pickle('PERSID', raw('os.system\n'), 'STOP'))).toMatch(/in a way torch does not/)
  })

  it('names every global with the offset of its opcode in the file', () => {
    const bytes = pickle('PROTO', 4, text('os'), text('system'), 'STACK_GLOBAL', 'POP', global('m', 'n'), 'STOP')
    const { globals } = decodePickle(bytes, { offset: 1000 })
    expect(globals.map(({ module, name, offset }) => [module, name, offset])).toEqual([
      ['os', 'system', 1014],
      ['m', 'n', 1016],
    ])
  })
})

describe('ends', () => {
  it('says where the pickle ends, whatever follows', () => {
    expect(decodePickle(pickle('NONE', 'STOP', 1, 2, 3))).toMatchObject({ value: null, end: 2 })
  })

  it('gives the protocol declared, or the one its opcodes need', () => {
    expect(decodePickle(pickle('PROTO', 2, 'NONE', 'STOP')).protocol).toBe(2)
    expect(decodePickle(pickle('EMPTY_DICT', 'STOP')).protocol).toBe(1)
    expect(decodePickle(pickle('PROTO', 2, 'EMPTY_SET', 'STOP')).protocol).toBe(4)
  })

  it('tells a pickle that is cut from one that is wrong', () => {
    const whole = pickle('PROTO', 4, 'FRAME', little(4, 8), 'SHORT_BINUNICODE', 1, raw('a'), 'STOP')
    expect(read(whole)).toBe('a')
    for (let size = 0; size < whole.length; size++) {
      expect(decodePickle(whole.subarray(0, size))).toMatchObject({ short: true, error: { code: 'pickle/malformed' } })
    }
    expect(decodePickle(pickle('POP', 'STOP')).short).toBeUndefined()
  })

  it.each<[string, Uint8Array, RegExp]>([
    ['an unknown opcode', pickle('NONE', 0xff, 'STOP'), /byte 255 where an opcode belongs \(byte 1\)/],
    ['an empty stack', pickle('STOP'), /empty stack/],
    ['a missing mark', pickle('NONE', 'TUPLE', 'STOP'), /looks for a mark/],
    ['a negative length', pickle('LONG4', little(-5, 4), 'STOP'), /claims -5 bytes/],
    ['a length beyond the file', pickle('BINUNICODE8', little(2n ** 60n, 8), 'STOP'), /where 1 are left/],
    ['a frame beyond the file', pickle('FRAME', little(99, 8), 'NONE', 'STOP'), /frame of 99 bytes/],
    ['an out-of-band buffer', pickle('NEXT_BUFFER', 'STOP'), /from outside the file/],
    ['items for a number', pickle('BININT1', 1, 'NONE', 'APPEND', 'STOP'), /does not allow it/],
    ['half a pair', pickle('EMPTY_DICT', 'MARK', 'NONE', 'SETITEMS', 'STOP'), /odd number/],
    ['a future protocol', pickle('PROTO', 9, 'NONE', 'STOP'), /protocol 9/],
    ['values left behind', pickle('NONE', 'NONE', 'STOP'), /behind its result/],
  ])('names the place of %s', (_, bytes, message) => {
    expect(errorOf(bytes)).toMatch(/^pickle\/malformed/)
    expect(errorOf(bytes)).toMatch(message)
  })
})

describe('bombs', () => {
  it('are refused without being walked', () => {
    const doubled = pickle(
      'EMPTY_LIST',
      ...Array.from({ length: 200 }, () => ['DUP', 'TUPLE2'] as const).flat(),
      'STOP',
    )
    expect(errorOf(doubled)).toMatch(/^file\/resource-bomb .* stands for more than/)
    const deep = pickle('NONE', ...Array.from({ length: 50_000 }, () => 'TUPLE1' as const), 'STOP')
    expect(errorOf(deep)).toMatch(/^file\/resource-bomb .* levels deep/)
    const marks = pickle(...Array.from({ length: 50_000 }, () => 'MARK' as const), 'STOP')
    expect(errorOf(marks)).toMatch(/^file\/resource-bomb/)
    const int = pickle('LONG4', little(100_000, 4), new Uint8Array(100_000).fill(0x7f), 'STOP')
    expect(errorOf(int)).toMatch(/^file\/resource-bomb/)
  })

  it('of names keep the danger that stands behind them', () => {
    const names = Array.from({ length: 100_001 }, (_, i) => `cm\nn${i}\n0`).join('')
    const { error, globals } = decodePickle(pickle(raw(`${names}cos\nsystem\n0`), 'NONE', 'STOP'))
    expect(error).toMatchObject({ code: 'file/resource-bomb' })
    expect(globals).toHaveLength(100_001)
    expect(globals.at(-1)).toMatchObject({ module: 'os', name: 'system', verdict: 'dangerous' })
  })

  it('are seen when the levels are joined from the inside out', () => {
    const parts: Part[] = ['EMPTY_LIST', 'LONG_BINPUT', little(0, 4), 'POP']
    for (let i = 1; i < 5000; i++) {
      parts.push('EMPTY_LIST', 'LONG_BINPUT', little(i, 4), 'LONG_BINGET', little(i - 1, 4), 'APPEND', 'POP')
    }
    expect(errorOf(pickle(...parts, 'LONG_BINGET', little(4999, 4), 'STOP'))).toMatch(/levels deep/)
  })

  it('do not hide the globals behind them', () => {
    const bytes = pickle(...Array.from({ length: 5000 }, () => 'MARK' as const), global('os', 'system'), 'STOP')
    expect(decodePickle(bytes).globals).toMatchObject([{ module: 'os', name: 'system', verdict: 'dangerous' }])
  })

  it('are no cycles, and no moderate sharing', () => {
    const shared = pickle('EMPTY_LIST', ...Array.from({ length: 20 }, () => ['DUP', 'TUPLE2'] as const).flat(), 'STOP')
    expect(decodePickle(shared).error).toBeUndefined()
    const cyclic = pickle('EMPTY_DICT', 'BINPUT', 0, 'NONE', 'BINGET', 0, 'SETITEM', 'STOP')
    expect(decodePickle(cyclic).error).toBeUndefined()
  })
})
