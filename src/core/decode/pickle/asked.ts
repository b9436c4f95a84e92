import { AssayError } from '../../errors'
import { readArgument } from './arguments'
import { OPCODES } from './opcodes'
import { indexOf } from './scalars'
import { PickleState } from './state'

/** Shorter pickles are not worth reading twice. */
const LONG = 2 ** 20

const ROWS = Array.from({ length: 256 }, (_, code) => OPCODES.find((opcode) => opcode.code === code))
const STOP = 0x2e

/**
 * Tells of a long pickle which of its memo entries are asked for again; undefined for a short one. Picklers store everything that
 * could be shared and ask for little of it: what nobody asks for need not be kept until the end.
 */
export function askedIn(bytes: Uint8Array): ((index: number) => boolean) | undefined {
  if (bytes.length < LONG) return undefined
  const asked = new Uint8Array(Math.ceil(bytes.length / 8))
  const state = new PickleState(bytes, '', 0)
  try {
    for (let at = 0; at < bytes.length; ) {
      const code = bytes[at] as number
      const row = ROWS[code]
      if (row === undefined || code === STOP) break
      if (row.argument === 'none') {
        at++
        continue
      }
      at = readArgument(state, row.argument, at + 1)
      if (row.name !== 'BINGET' && row.name !== 'LONG_BINGET' && row.name !== 'GET') continue
      const index = row.name === 'GET' ? indexOf(state) : state.argument
      if (index >= 0 && index < bytes.length) asked[index >>> 3] = (asked[index >>> 3] as number) | (1 << (index & 7))
    }
  } catch (error) {
    // Where the bytes make no sense the decoder stops as well, and says so.
    if (!(error instanceof AssayError)) throw error
  }
  // An entry beyond the length of the pickle is one that no pickler made.
  return (index) => index >= bytes.length || ((asked[index >>> 3] as number) & (1 << (index & 7))) !== 0
}
