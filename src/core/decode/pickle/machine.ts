import { AssayError } from '../../errors'
import { readArgument } from './arguments'
import { askedIn } from './asked'
import { bombIn } from './bomb'
import { EFFECTS } from './effects'
import { type GlobalUse, isNamedDanger } from './globals'
import { OPCODES, type OpcodeName, REFUSED_BY_WEIGHTS_ONLY } from './opcodes'
import { PickleState } from './state'
import type { PyObject, PyValue } from './value'

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
  /** The first opcode that `torch.load(weights_only=True)` does not know, whatever the globals. */
  readonly refusedOpcode?: OpcodeName
  /** True when something would have been called, made or changed, before an error too. */
  readonly acts?: true
  /** True when the bytes ended before the pickle did: more of them might make it whole. */
  readonly short?: true
  /** `pickle/malformed` or `file/resource-bomb`. */
  readonly error?: AssayError
}

const ROWS = Array.from({ length: 256 }, (_, code) => {
  const opcode = OPCODES.find((candidate) => candidate.code === code)
  return opcode && { ...opcode, effect: EFFECTS[opcode.name], refused: REFUSED_BY_WEIGHTS_ONLY.has(opcode.name) }
})
const STOP = 0x2e

export interface PickleOptions {
  readonly name?: string
  readonly offset?: number
  readonly memory?: number
  readonly onBuilt?: (object: PyObject) => void
}

/**
 * Reads one pickle of any protocol from the beginning of `bytes`, as CPython 3.12's `pickle.py` and `_pickle.c` would, but
 * makes inert values: nothing is imported, called or set. Never throws for bad input. Time and memory are linear in the
 * bytes read, up to `memory`. `offset` is where `bytes` begins in the file `name`, for messages and the offsets of globals.
 * `onBuilt` is told of every object when its state has been set: who needs only what the state says may take that and drop it.
 */
export function decodePickle(bytes: Uint8Array, options: PickleOptions = {}): DecodedPickle {
  const file = { name: options.name ?? 'pickle', tooDeep: false, memory: options.memory }
  const decoded = decode(bytes, file, options.offset ?? 0, NESTING, options.onBuilt)
  if (!file.tooDeep || decoded.error) return decoded
  const message = `${file.name}: pickles lie in pickles more than ${NESTING} deep`
  return { ...decoded, value: undefined, error: new AssayError('file/resource-bomb', message, { file: file.name }) }
}

interface Outermost {
  readonly name: string
  /** There are pickles too deep inside to be looked at. */
  tooDeep: boolean
  /** Estimated bytes of memory that each may take. */
  readonly memory: number | undefined
}

function decode(
  bytes: Uint8Array,
  file: Outermost,
  offset: number,
  nesting: number,
  onBuilt?: (object: PyObject) => void,
): DecodedPickle {
  const state = new PickleState(
    bytes,
    nesting === NESTING ? file.name : `${file.name} (a pickle inside it)`,
    offset,
    file.memory,
    askedIn(bytes),
    onBuilt,
  )
  let value: PyValue | undefined
  let end = 0
  try {
    end = run(state)
    value = state.pop()
    if (state.leftovers > 0) state.trouble(`leaves ${state.leftovers} values behind its result`)
    const bomb = bombIn(value, state.shared)
    if (bomb !== undefined) state.note('file/resource-bomb', bomb)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    state.error ??= error
    end = end || state.at
  }
  const globals = new Map(state.globals.map((use) => [keyOf(use), use]))
  for (const [inner, { offset: place, loaded }] of state.embedded) {
    for (const use of globalsInside(state, inner, loaded, file, nesting)) {
      if (!globals.has(keyOf(use))) globals.set(keyOf(use), { ...use, offset: place })
    }
  }
  const { protocol, refusedOpcode, error } = state
  const decoded = { value: error === undefined ? value : undefined, globals: [...globals.values()], protocol, end }
  return {
    ...decoded,
    ...(refusedOpcode && { refusedOpcode }),
    ...(state.acts && { acts: true }),
    ...(state.short && { short: true }),
    ...(error && { error }),
  }
}

/** Runs up to STOP and returns the offset after it. */
function run(state: PickleState): number {
  const { bytes } = state
  let at = 0
  for (;;) {
    state.at = at
    if (at >= bytes.length) state.runOut('ends without STOP')
    const code = bytes[at] as number
    const row = ROWS[code]
    if (row === undefined) return state.fail(`has byte ${code} where an opcode belongs`)
    at = row.argument === 'none' ? at + 1 : readArgument(state, row.argument, at + 1)
    if (row.protocol > state.protocol) state.protocol = row.protocol
    if (row.refused) state.refusedOpcode ??= row.name
    row.effect(state)
    if (code === STOP) return at
  }
}

/**
 * Globals of the pickles in a byte string. Bytes that only look like a pickle are common (any array may begin with
 * 0x80 0x02), so what is broken counts only where something would really unpickle it, or where it names a danger.
 */
function globalsInside(
  state: PickleState,
  bytes: Uint8Array,
  loaded: boolean,
  file: Outermost,
  nesting: number,
): GlobalUse[] {
  const globals: GlobalUse[] = []
  if (nesting === 0) file.tooDeep = true
  let at = 0
  for (let i = 0; nesting > 0 && i < IN_A_ROW && at < bytes.length; i++) {
    const found = decode(bytes.subarray(at), file, 0, nesting - 1)
    const broken = found.error !== undefined
    if (broken && loaded && i === 0) state.trouble('would load bytes that are no pickle')
    for (const use of found.globals) {
      if (!broken || loaded || isNamedDanger(use)) globals.push(use)
    }
    if (broken) break
    at += found.end
  }
  return globals
}

function keyOf({ module, name }: GlobalUse): string {
  return `${module}\0${name}`
}
