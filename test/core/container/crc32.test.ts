import { expect, it } from 'vitest'
import { crc32, slicedCrc32 } from '../../../src/core/container/crc32'

const bytes = new Uint8Array(1000).map((_, i) => (i * 7919) >> 3)

it.each([
  ['the runtime', crc32],
  ['our own', slicedCrc32],
])('%s gives the check value of the polynomial', (_, crc) => {
  expect(crc(new TextEncoder().encode('123456789'))).toBe(0xcbf43926)
  expect(crc(new Uint8Array(0))).toBe(0)
})

it('gives the same for pieces of any length as for the whole', () => {
  const whole = slicedCrc32(bytes)
  expect(crc32(bytes)).toBe(whole)
  for (const cut of [1, 15, 16, 17, 500, 999]) {
    expect(slicedCrc32(bytes.subarray(cut), slicedCrc32(bytes.subarray(0, cut)))).toBe(whole)
    expect(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut)))).toBe(whole)
  }
})
