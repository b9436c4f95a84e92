import { observeBuild, observeCall } from './calls'
import { floatOfText, integerOfText } from './numbers'
import type { OpcodeName } from './opcodes'
import {
  embeddable,
  indexOf,
  lineOf,
  numberLine,
  pushBytes,
  pushFloat,
  pushInteger,
  pushLong,
  pushOldString,
  pushText,
  textOf,
} from './scalars'
import { isTorchPersistent, type PickleState } from './state'
import { quotedBytes, rawUnicodeEscape } from './text'
import { PyBytes, PyDict, PyList, PyObject, PyPersistent, PySet, PyTuple, type PyValue } from './value'

/** There is only one, in Python too. */
const EMPTY_TUPLE = new PyTuple([])

/** What each opcode does to the machine, its argument having been read. Nothing is imported, called or set for real. */
export const EFFECTS: Readonly<Record<OpcodeName, (s: PickleState) => void>> = {
  PROTO: (s) => {
    if (s.argument > 5) s.trouble(`says it is of protocol ${s.argument}; Python knows 0 to 5`)
    s.protocol = Math.max(s.protocol, s.argument)
  },
  FRAME: (s) => {
    const left = s.bytes.length - s.end
    if (s.argument > left) s.runOut(`announces a frame of ${s.argument} bytes where ${left} are left`)
  },
  // decodePickle ends the loop here.
  STOP: () => {},

  NONE: (s) => s.push(null),
  NEWTRUE: (s) => s.push(true),
  NEWFALSE: (s) => s.push(false),
  INT: (s) => {
    const line = numberLine(s)
    if (line === '00' || line === '01') s.push(line === '01')
    else pushInteger(s, integerOfText(line))
  },
  LONG: (s) => pushInteger(s, integerOfText(numberLine(s).replace(/[lL]$/, ''))),
  BININT: (s) => s.push(s.argument),
  BININT1: (s) => s.push(s.argument),
  BININT2: (s) => s.push(s.argument),
  LONG1: pushLong,
  LONG4: pushLong,
  FLOAT: (s) => {
    const value = floatOfText(numberLine(s))
    if (value === undefined) s.trouble('holds a float that is no number')
    pushFloat(s, value ?? 0)
  },
  BINFLOAT: (s) => pushFloat(s, s.argument),

  STRING: (s) => {
    const bytes = quotedBytes(lineOf(s))
    if (bytes === undefined) s.trouble('holds a text that is not quoted as Python quotes it')
    pushOldString(s, bytes ?? new Uint8Array(0))
  },
  BINSTRING: (s) => pushOldString(s, s.bytes.subarray(s.start, s.end)),
  SHORT_BINSTRING: (s) => pushOldString(s, s.bytes.subarray(s.start, s.end)),
  UNICODE: (s) => {
    const text = rawUnicodeEscape(lineOf(s))
    if (text === undefined) s.trouble('holds a text with a broken escape')
    s.push(text ?? '')
  },
  SHORT_BINUNICODE: pushText,
  BINUNICODE: pushText,
  BINUNICODE8: pushText,
  BINBYTES: pushBytes,
  SHORT_BINBYTES: pushBytes,
  BINBYTES8: pushBytes,
  BYTEARRAY8: (s) => {
    s.charge(64)
    s.push(embeddable(s, new PyBytes(s.bytes.subarray(s.start, s.end), true)))
  },
  NEXT_BUFFER: (s) => s.fail('wants a buffer from outside the file'),
  READONLY_BUFFER: (s) => void s.peek(),

  EMPTY_TUPLE: (s) => s.push(EMPTY_TUPLE),
  TUPLE1: (s) => pushTuple(s, [s.pop()]),
  TUPLE2: (s) => {
    const second = s.pop()
    pushTuple(s, [s.pop(), second])
  },
  TUPLE3: (s) => {
    const third = s.pop()
    const second = s.pop()
    pushTuple(s, [s.pop(), second, third])
  },
  TUPLE: (s) => pushTuple(s, s.popMark()),
  EMPTY_LIST: (s) => pushList(s, []),
  LIST: (s) => pushList(s, s.popMark()),
  APPEND: (s) => {
    const item = s.pop()
    append(s, [item])
  },
  APPENDS: (s) => append(s, s.popMark()),
  EMPTY_DICT: (s) => {
    s.charge(200)
    s.push(new PyDict())
  },
  DICT: (s) => {
    const items = s.popMark()
    s.charge(200)
    const dict = new PyDict()
    fill(s, dict.entries, items)
    s.push(dict)
  },
  SETITEM: (s) => {
    const value = s.pop()
    const key = s.pop()
    setItems(s, [key, value])
  },
  SETITEMS: (s) => setItems(s, s.popMark()),
  EMPTY_SET: (s) => {
    s.charge(80)
    s.push(new PySet())
  },
  FROZENSET: (s) => {
    const items = s.popMark()
    s.charge(80 + 8 * items.length)
    s.push(new PySet(items, true))
  },
  ADDITEMS: (s) => {
    const items = s.popMark()
    const target = s.peek()
    s.charge(8 * items.length)
    if (target instanceof PySet || target instanceof PyObject) pushAll(target.items, items)
    else refuseTarget(s, target, 'adds to')
  },

  MARK: (s) => s.mark(),
  POP: (s) => s.drop(),
  POP_MARK: (s) => void s.popMark(),
  DUP: (s) => s.pushAgain(s.peek()),
  GET: (s) => s.recall(indexOf(s)),
  BINGET: (s) => s.recall(s.argument),
  LONG_BINGET: (s) => s.recall(s.argument),
  PUT: (s) => s.remember(indexOf(s)),
  BINPUT: (s) => s.remember(s.argument),
  LONG_BINPUT: (s) => s.remember(s.argument),
  MEMOIZE: (s) => s.remember(s.memo.size),

  GLOBAL: (s) => s.push(s.global(textOf(s, s.start, s.end), textOf(s, s.secondStart, s.secondEnd))),
  STACK_GLOBAL: (s) => {
    const name = s.pop()
    const module = s.pop()
    if (typeof module === 'string' && typeof name === 'string') s.push(s.global(module, name))
    // A name that a call would compute is a name that a scanner shall not read.
    else s.push(s.global(nameOr(module), nameOr(name), 'dangerous'))
  },
  EXT1: pushExtension,
  EXT2: pushExtension,
  EXT4: pushExtension,

  REDUCE: (s) => {
    const args = s.pop()
    pushCall(s, s.pop(), args, 'reduce')
  },
  NEWOBJ: (s) => {
    const args = s.pop()
    pushCall(s, s.pop(), args, 'newobj')
  },
  NEWOBJ_EX: (s) => {
    const kwargs = s.pop()
    const args = s.pop()
    pushCall(s, s.pop(), args, 'newobj-ex', kwargs)
  },
  INST: (s) => {
    const args = s.popMark()
    s.charge(64 + 8 * args.length)
    const type = s.global(textOf(s, s.start, s.end), textOf(s, s.secondStart, s.secondEnd))
    pushCall(s, type, new PyTuple(args), 'inst')
  },
  OBJ: (s) => {
    const [type, ...args] = s.popMark()
    if (type === undefined) return s.fail('makes an instance of nothing')
    s.charge(64 + 8 * args.length)
    pushCall(s, type, new PyTuple(args), 'obj')
  },
  BUILD: (s) => {
    const state = s.pop()
    const target = s.peek()
    observeBuild(s, target)
    if (!(target instanceof PyObject)) refuseTarget(s, target, 'sets the state of')
    else {
      target.state = state
      s.onBuilt?.(target)
    }
  },
  PERSID: (s) => pushPersistent(s, textOf(s, s.start, s.end)),
  BINPERSID: (s) => pushPersistent(s, s.pop()),
}

function pushTuple(s: PickleState, items: PyValue[]): void {
  s.charge(64 + 8 * items.length)
  s.push(new PyTuple(items))
}

function pushList(s: PickleState, items: PyValue[]): void {
  s.charge(64 + 8 * items.length)
  s.push(new PyList(items))
}

function append(s: PickleState, items: PyValue[]): void {
  const target = s.peek()
  s.charge(8 * items.length)
  if (target instanceof PyList || target instanceof PyObject) pushAll(target.items, items)
  else refuseTarget(s, target, 'appends to')
}

function setItems(s: PickleState, items: PyValue[]): void {
  const target = s.peek()
  if (target instanceof PyDict || target instanceof PyObject) fill(s, target.entries, items)
  else refuseTarget(s, target, 'sets items of')
}

function fill(s: PickleState, entries: Map<PyValue, PyValue>, items: PyValue[]): void {
  if (items.length % 2 !== 0) s.trouble('sets an odd number of keys and values')
  s.charge(32 * items.length)
  for (let i = 0; i + 1 < items.length; i += 2) entries.set(items[i] as PyValue, items[i + 1] as PyValue)
}

/** Whatever else takes items would be changed where it lives: a list of a module, the attributes of a class. */
function refuseTarget(s: PickleState, target: PyValue, does: string): void {
  if (target !== null && typeof target === 'object' && target.kind === 'global') s.condemn(target)
  else if (target !== null && typeof target === 'object' && target.kind === 'persistent') return
  else s.trouble(`${does} something that does not allow it`)
}

function pushAll(target: PyValue[], items: readonly PyValue[]): void {
  for (const item of items) target.push(item)
}

function pushCall(s: PickleState, callable: PyValue, args: PyValue, how: PyObject['how'], kwargs?: PyValue): void {
  s.charge(128)
  const call = new PyObject(callable, args, how, kwargs)
  s.acts = true
  observeCall(s, call)
  s.push(call)
}

/** A code of the copyreg registry: nothing in the file tells what it calls. */
function pushExtension(s: PickleState): void {
  s.push(s.global('copyreg', `ext:${s.argument}`, 'dangerous'))
}

function nameOr(value: PyValue): string {
  return typeof value === 'string' ? value : '(computed)'
}

function pushPersistent(s: PickleState, id: PyValue): void {
  s.charge(48)
  const persistent = new PyPersistent(id)
  if (!isTorchPersistent(persistent)) s.trouble('refers to an object outside of it in a way torch does not')
  s.push(persistent)
}
