import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodePickle } from '../../../../src/core/decode/pickle/machine'
import { OPCODES } from '../../../../src/core/decode/pickle/opcodes'
import { plainOf } from '../../../../src/core/decode/pickle/plain-of'
import { findTensors } from '../../../../src/core/decode/pickle/torch'
import { AssayError } from '../../../../src/core/errors'
import { encodePickle } from '../../../../src/core/write/pickle'
import { pickles } from './streams'

/** What must hold of any bytes: no throw, an error or a value, a value that can be walked and written. */
function survives(bytes: Uint8Array): void {
  const { value, error, end, globals } = decodePickle(bytes)
  expect(end).toBeLessThanOrEqual(bytes.length)
  expect(globals.length).toBeLessThanOrEqual(bytes.length)
  if (value === undefined) {
    expect(error).toBeInstanceOf(AssayError)
    return
  }
  expect(findTensors(value).length).toBeLessThan(400_000)
  plainOf(value, { values: 10_000 })
  try {
    expect(decodePickle(encodePickle(value)).error?.code).not.toBe('pickle/malformed')
  } catch (refused) {
    expect(refused).toBeInstanceOf(AssayError)
  }
}

describe('damaged pickles', async () => {
  // One of each size is enough: most files of a kind differ in their values alone.
  const seeds = [...new Map((await pickles()).map((stream) => [stream.bytes.length, stream])).values()]

  it('have many seeds', () => expect(seeds.length).toBeGreaterThan(60))

  it.each(seeds.filter(({ bytes }) => bytes.length < 30_000))('$name: flips, cuts and splices', ({ bytes }) => {
    const other = seeds[(bytes.length * 31) % seeds.length]?.bytes ?? bytes
    const place = fc.nat(bytes.length - 1)
    fc.assert(
      fc.property(place, fc.nat(255), place, fc.nat(other.length - 1), fc.nat(3), (at, byte, cut, from, kind) => {
        const damaged = bytes.slice()
        if (kind === 0) damaged[at] = byte
        else if (kind === 1) damaged[at] = (damaged[at] as number) ^ (1 << (byte & 7))
        else if (kind === 2) damaged.set(other.subarray(from, from + Math.min(byte, bytes.length - at)), at)
        survives(kind === 3 ? damaged.subarray(0, cut) : damaged)
      }),
      { numRuns: 30, seed: bytes.length },
    )
  })
})

it('survives opcodes in any order', () => {
  const codes = OPCODES.map(({ code }) => code)
  const opcode = fc.oneof(fc.constantFrom(...codes), fc.constantFrom(...codes), fc.nat(255))
  fc.assert(
    fc.property(fc.array(opcode, { maxLength: 300 }), (bytes) => survives(Uint8Array.from(bytes))),
    { numRuns: 3000, seed: 2 },
  )
})

it('survives programs whose stack never runs dry', () => {
  // Short pieces that each leave a value: containers, memo games, calls on whatever there is.
  const pieces = [
    [0x5d],
    [0x7d],
    [0x29],
    [0x4e],
    [0x8f],
    [0x32],
    [0x5d, 0x94],
    [0x68, 0],
    [0x68, 1],
    [0x85],
    [0x4b, 7],
    [0x63, 0x61, 0x0a, 0x62, 0x0a],
    [0x4e, 0x52],
    [0x4e, 0x62],
    [0x4e, 0x61],
    [0x32, 0x61],
    [0x32, 0x86],
    [0x32, 0x32, 0x73],
    [0x28],
    [0x74],
    [0x6c],
    [0x90],
    [0x75],
    [0x30],
  ]
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces), { maxLength: 200 }), (parts) => {
      survives(Uint8Array.from([0x80, 4, 0x5d, 0x94, 0x7d, 0x94, ...parts.flat(), 0x2e]))
      survives(Uint8Array.from([0x80, 4, 0x28, 0x5d, 0x94, 0x7d, 0x94, ...parts.flat(), 0x74, 0x2e]))
    }),
    { numRuns: 3000, seed: 3 },
  )
})
