import { deflateRawSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { inflateRaw } from '../../../src/core/bytes/inflate'

const plain = new Uint8Array(100_000).map((_, i) => i >> 8)
const deflated = deflateRawSync(plain)

it('inflates up to the limit', () => {
  expect(Buffer.compare(inflateRaw(deflated, plain.length), plain)).toBe(0)
  expect(inflateRaw(deflateRawSync(new Uint8Array(0)), 0)).toHaveLength(0)
})

it('stops at the limit however much there is to come', () => {
  const bomb = deflateRawSync(new Uint8Array(50_000_000))
  expect(() => inflateRaw(bomb, 1000, 'x')).toThrow(expect.objectContaining({ code: 'file/resource-bomb', file: 'x' }))
  expect(() => inflateRaw(deflateRawSync(new Uint8Array(1)), 0)).toThrow(
    expect.objectContaining({ code: 'file/resource-bomb' }),
  )
})

it('tells data that ends early from data that is damaged', () => {
  expect(() => inflateRaw(deflated.subarray(0, 20), 1e6)).toThrow(expect.objectContaining({ code: 'file/truncated' }))
  expect(() => inflateRaw(new Uint8Array([0xff, 1, 2, 3]), 1e6)).toThrow(
    expect.objectContaining({ code: 'file/bad-header' }),
  )
})
