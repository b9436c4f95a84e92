import { describe, expect, it } from 'vitest'
import { ReadAhead } from '../../../src/core/bytes/read-ahead'

const BYTES = Uint8Array.from({ length: 200_001 }, (_, i) => (i * 31 + (i >> 8)) & 255)

function counted() {
  let reads = 0
  const ahead = new ReadAhead(BYTES.length, (offset, target) => {
    reads++
    target.set(BYTES.subarray(offset, offset + target.length))
  })
  const at = (offset: number, length: number) => {
    const target = new Uint8Array(length)
    ahead.read(offset, target)
    return target
  }
  return { at, reads: () => reads }
}

describe('small reads', () => {
  it('that go forward share a read of the file and give its bytes to the very end', () => {
    const { at, reads } = counted()
    for (let offset = 0; offset < BYTES.length; offset += 100) {
      const length = Math.min(100, BYTES.length - offset)
      expect(at(offset, length)).toEqual(BYTES.slice(offset, offset + length))
    }
    expect(reads()).toBeLessThan(10)
  })

  it('that jump about, or grow, give the bytes of their place', () => {
    const { at } = counted()
    for (const [offset, length] of [
      [500, 10],
      [510, 20],
      [100, 30],
      [131, 40_000],
      [40_131, 16_384],
      [40_140, 5],
      [199_999, 2],
      [0, 1],
    ] as const) {
      expect(at(offset, length)).toEqual(BYTES.slice(offset, offset + length))
    }
  })

  it('after one that failed are read anew', () => {
    let broken = true
    const ahead = new ReadAhead(BYTES.length, (offset, target) => {
      if (broken && offset === 10) throw new Error('refused')
      target.set(BYTES.subarray(offset, offset + target.length))
    })
    const target = new Uint8Array(10)
    ahead.read(0, target)
    expect(() => ahead.read(10, target)).toThrow('refused')
    broken = false
    ahead.read(10, target)
    expect(target).toEqual(BYTES.slice(10, 20))
  })
})
