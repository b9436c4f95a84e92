import {
  PyBytes,
  PyDict,
  PyFloat,
  PyGlobal,
  PyList,
  PyObject,
  PyPersistent,
  PySet,
  PyTuple,
  type PyValue,
} from '../decode/pickle/value'
import { AssayError } from '../errors'
import { PickleBuffer } from './pickle-buffer'

/** Items between two marks, as CPython's pickler batches them. */
const BATCH = 1000

const LATIN1 = 'latin1'
const ENCODE = new PyGlobal('_codecs', 'encode')
const BYTEARRAY = new PyGlobal('__builtin__', 'bytearray')
const SET = new PyGlobal('__builtin__', 'set')
const FROZENSET = new PyGlobal('__builtin__', 'frozenset')
const GETATTR = new PyGlobal('__builtin__', 'getattr')

/**
 * A value as a pickle of protocol 2, as `torch.save` writes it: equal texts and shared objects are stored once, cycles through
 * lists, dicts and objects are kept, bytes take the detour through `_codecs.encode`. What only needs allowed globals loads
 * with `torch.load(weights_only=True)`. Source: CPython 3.12, Lib/pickle.py (`_Pickler`).
 *
 * Throws `pickle/malformed` for what no pickle of protocol 2 can say: a global whose name holds a newline, a set in itself.
 */
export function encodePickle(value: PyValue): Uint8Array {
  return new Encoder().encode(value)
}

/** What is left to do: save a value, or take a step after the values before it. The last is next. */
type Task = PyValue | (() => void)

class Encoder {
  private readonly out = new PickleBuffer()
  private readonly memo = new Map<PyValue, number>()
  private readonly globals = new Map<string, number>()
  private readonly unfinished = new Set<PyValue>()
  private readonly tasks: Task[] = []
  private memoSize = 0

  encode(value: PyValue): Uint8Array {
    this.out.bytes(0x80, 2)
    this.tasks.push(value)
    for (let task = this.tasks.pop(); task !== undefined; task = this.tasks.pop()) {
      if (typeof task === 'function') task()
      else this.save(task)
    }
    this.out.opcode('.')
    return this.out.take()
  }

  /** Saves the values in this order and takes the step, before all that waits already. */
  private next(values: readonly PyValue[], step: () => void): void {
    this.tasks.push(step)
    for (let i = values.length - 1; i >= 0; i--) this.tasks.push(values[i] as PyValue)
  }

  private save(value: PyValue): void {
    const known = this.memo.get(value)
    if (known !== undefined) this.out.get(known)
    else if (value === null) this.out.opcode('N')
    else if (typeof value === 'boolean') this.out.bytes(value ? 0x88 : 0x89)
    else if (typeof value === 'number' || typeof value === 'bigint') this.out.integer(value)
    else if (typeof value === 'string') {
      this.out.text(value)
      this.remember(value)
    } else this.object(value)
  }

  private object(value: Exclude<PyValue, null | boolean | number | bigint | string>): void {
    if (value instanceof PyFloat) this.out.float(value.value)
    else if (value instanceof PyGlobal) this.global(value)
    else if (value instanceof PyPersistent) this.next([value.id], () => this.out.opcode('Q'))
    else if (value instanceof PyBytes) this.bytesValue(value)
    else if (value instanceof PyTuple) this.tuple(value)
    else if (value instanceof PyObject) this.instance(value)
    else if (value instanceof PySet) {
      this.call(value, value.frozen ? FROZENSET : SET, new PyTuple([new PyList(value.items)]), 'R')
    } else if (value instanceof PyDict) {
      this.out.opcode('}')
      this.remember(value)
      this.entries(value.entries)
    } else {
      this.out.opcode(']')
      this.remember(value)
      this.items(value.items)
    }
  }

  private global(value: PyGlobal): void {
    const key = `${value.module}\0${value.name}`
    const known = this.globals.get(key)
    if (known !== undefined) {
      this.out.get(known)
      return
    }
    const dot = value.name.lastIndexOf('.')
    if (dot > 0) {
      // Before protocol 4 a nested class is fetched from its outer one.
      const outer = new PyGlobal(value.module, value.name.slice(0, dot))
      this.call(value, GETATTR, new PyTuple([outer, value.name.slice(dot + 1)]), 'R')
      return
    }
    if (/[\n\r]/.test(key)) throw unwritable(`the global ${JSON.stringify(value.path)} has a line break in its name`)
    this.out.opcode('c')
    this.out.line(value.module)
    this.out.line(value.name)
    this.globals.set(key, this.put())
  }

  private bytesValue(value: PyBytes): void {
    let text = ''
    for (let at = 0; at < value.bytes.length; at += 4096) {
      text += String.fromCharCode(...value.bytes.subarray(at, at + 4096))
    }
    this.call(value, value.mutable ? BYTEARRAY : ENCODE, new PyTuple([text, LATIN1]), 'R')
  }

  private tuple(value: PyTuple): void {
    const { items } = value
    if (items.length === 0) {
      this.out.opcode(')')
      return
    }
    if (items.length > 3) this.out.opcode('(')
    const finish = () => {
      const known = this.memo.get(value)
      if (known === undefined) {
        if (items.length > 3) this.out.opcode('t')
        else this.out.bytes(0x84 + items.length)
        this.remember(value)
        return
      }
      // A cycle through the tuple's own items has saved it already: drop these items and take that one.
      if (items.length > 3) this.out.opcode('1')
      else for (let i = 0; i < items.length; i++) this.out.opcode('0')
      this.out.get(known)
    }
    this.next(items, finish)
  }

  private instance(value: PyObject): void {
    const rest = () => {
      const { state } = value
      if (state !== undefined) this.next([state], () => this.out.opcode('b'))
      if (value.hasEntries) this.entries(value.entries)
      if (value.hasItems) this.items(value.items)
    }
    if (value.how === 'inst' || value.how === 'obj') {
      this.begin(value)
      this.out.opcode('(')
      const args = value.args instanceof PyTuple ? value.args.items : [value.args]
      this.tasks.push(rest)
      this.next([value.callable, ...args], () => this.end(value, () => this.out.opcode('o')))
    } else {
      this.tasks.push(rest)
      this.call(value, value.callable, value.args, value.how === 'reduce' ? 'R' : 'new', value.kwargs)
    }
  }

  /** Saves `callable(*args)` as what `value` is. */
  private call(value: PyValue, callable: PyValue, args: PyValue, how: 'R' | 'new', kwargs?: PyValue): void {
    this.begin(value)
    const made = () => {
      if (how === 'R') this.out.opcode('R')
      else this.out.bytes(kwargs === undefined ? 0x81 : 0x92)
    }
    const parts = [callable, args, ...(kwargs === undefined ? [] : [kwargs])]
    this.next(parts, () => this.end(value, made))
  }

  private begin(value: PyValue): void {
    if (this.unfinished.has(value)) throw unwritable('an object is needed to make itself')
    this.unfinished.add(value)
  }

  private end(value: PyValue, emit: () => void): void {
    emit()
    this.unfinished.delete(value)
    this.remember(value)
  }

  private items(items: readonly PyValue[], from = 0): void {
    const batch = from === 0 && items.length <= BATCH ? items : items.slice(from, from + BATCH)
    if (batch.length === 0) return
    if (batch.length > 1) this.out.opcode('(')
    this.next(batch, () => {
      this.out.opcode(batch.length > 1 ? 'e' : 'a')
      this.items(items, from + BATCH)
    })
  }

  private entries(entries: ReadonlyMap<PyValue, PyValue>): void {
    this.pairs([...entries].flat(), 0)
  }

  /** Keys and values by turns. */
  private pairs(flat: readonly PyValue[], from: number): void {
    const batch = flat.slice(from, from + 2 * BATCH)
    if (batch.length === 0) return
    if (batch.length > 2) this.out.opcode('(')
    this.next(batch, () => {
      this.out.opcode(batch.length > 2 ? 'u' : 's')
      this.pairs(flat, from + 2 * BATCH)
    })
  }

  private remember(value: PyValue): void {
    const index = this.put()
    if (value instanceof PyGlobal) this.globals.set(`${value.module}\0${value.name}`, index)
    else this.memo.set(value, index)
  }

  private put(): number {
    this.out.put(this.memoSize)
    return this.memoSize++
  }
}

function unwritable(why: string): AssayError {
  return new AssayError('pickle/malformed', `The value cannot be pickled: ${why}`)
}
