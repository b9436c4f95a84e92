import { AssayError } from '../../errors'
import { readArgument } from './arguments'
import { bombIn } from './bomb'
import { EFFECTS } from './effects'
import type { GlobalUse } from './globals'
import { OPCODES } from './opcodes'
import { PickleState } from './state'
import type { PyValue } from './value'

/** Pickles inside byte strings of pickles that are looked into. */
const NESTING = 4
/** Pickles in a row inside one byte string; the legacy torch stream has five. */
const IN_A_ROW = 16

export interface DecodedPickle {
  /** What it says; undefined when there is an error. */
  readonly value: PyValue | undefined
  /** Every global that unpickling would import, those of pickles inside its byte strings too, in the order met. */
  readonly globals: readonly GlobalUse[]
  /** The protocol it declares, or else the highest that its opcodes need. */
  readonly protocol: number
  /** Bytes up to and including STOP. What follows is not part of this pickle. Where it broke, when there is an error. */
  readonly end: number
  /** `pickle/malformed` or `file/resource-bomb`. */
  readonly error?: AssayError
}

const ROWS = Array.from({ length: 256 }, (_, code) => {
  const opcode = OPCODES.find((candidate) => candidate.code === code)
  return opcode && { ...opcode, effect: EFFECTS[opcode.name] }
})
const STOP = 0x2e

/**
 * Reads one pickle of any protocol from the beginning of `bytes`, as CPython 3.12's `pickle.py` and `_pickle.c` would, but
 * makes inert values: nothing is imported, called or set. Never throws for bad input. Time and memory are linear in the
 * bytes read. `offset` is where `bytes` begins in the file `name`, for messages and the offsets of globals.
 */
export function decodePickle(bytes: Uint8Array, options: { name?: string; offset?: number } = {}): DecodedPickle {
  return decode(bytes, options.name ?? 'pickle', options.offset ?? 0, NESTING)
}

function decode(bytes: Uint8Array, name: string, offset: number, nesting: number): DecodedPickle {
  const state = new PickleState(bytes, name, offset)
  let value: PyValue | undefined
  let end = 0
  try {
    end = run(state)
    value = state.pop()
    if (state.leftovers > 0) state.trouble(`leaves ${state.leftovers} values behind its result`)
    const bomb = bombIn(value)
    if (bomb !== undefined) state.note('file/resource-bomb', bomb)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    state.error ??= error
    end = end || state.at
  }
  const globals = [...state.globals]
  for (const inner of state.embedded) addNested(globals, state, inner, name, nesting)
  const error = state.error
  return error === undefined
    ? { value, globals, protocol: state.protocol, end }
    : { value: undefined, globals, protocol: state.protocol, end, error }
}

/** Runs up to STOP and returns the offset after it. */
function run(state: PickleState): number {
  const { bytes } = state
  let at = 0
  for (;;) {
    state.at = at
    if (at >= bytes.length) state.fail('ends without STOP')
    const code = bytes[at] as number
    const row = ROWS[code]
    if (row === undefined) return state.fail(`has byte ${code} where an opcode belongs`)
    at = readArgument(state, row.argument, at + 1)
    if (row.protocol > state.protocol) state.protocol = row.protocol
    row.effect(state)
    if (code === STOP) return at
  }
}

/**
 * Adds the globals of the pickles in a byte string. Bytes that only look like a pickle are common (any array may begin with
 * 0x80 0x02), so what is broken counts only where something would really unpickle it, or where it names a danger.
 */
function addNested(
  globals: GlobalUse[],
  state: PickleState,
  inner: PickleState['embedded'][number],
  name: string,
  nesting: number,
): void {
  if (nesting === 0) {
    state.note('file/resource-bomb', `holds pickles in pickles, more than ${NESTING} deep`)
    return
  }
  let at = 0
  for (let i = 0; i < IN_A_ROW && at < inner.bytes.length; i++) {
    const found = decode(inner.bytes.subarray(at), `${name} (a pickle inside it)`, 0, nesting - 1)
    if (found.error !== undefined && i === 0 && inner.loaded)
      state.note('pickle/malformed', 'would load bytes that are no pickle')
    for (const use of found.globals) {
      const counts = found.error === undefined || inner.loaded || use.verdict === 'dangerous'
      const known = globals.some((other) => other.module === use.module && other.name === use.name)
      if (counts && !known) globals.push({ ...use, offset: inner.offset })
    }
    if (found.error !== undefined) break
    at += found.end
  }
}
