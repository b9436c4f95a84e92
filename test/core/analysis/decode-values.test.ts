import { createHash } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { decodeValues, valuesPerElement } from '../../../src/core/analysis/decode-values'
import { DTYPES, type DType, itemSize } from '../../../src/core/checkpoint/dtype'
import golden from './dtypes.json'

function bytesOf(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'))
}

/** Every bit pattern of a dtype of one or two bytes, in order. */
function patterns(dtype: DType): Uint8Array {
  if (itemSize(dtype) === 1) return Uint8Array.from({ length: 256 }, (_, i) => i)
  return new Uint8Array(Uint16Array.from({ length: 65536 }, (_, i) => i).buffer)
}

function digest(values: Float64Array): string {
  const canonical = Float64Array.from(values, (v) => (Number.isNaN(v) ? NaN : v))
  return createHash('sha256').update(new Uint8Array(canonical.buffer)).digest('hex')
}

describe('values in float64', () => {
  it.each(Object.entries(golden.all))('of every bit pattern of %s are those of torch', (dtype, expected) => {
    expect(digest(decodeValues(dtype as DType, patterns(dtype as DType)))).toBe(expected)
  })

  it.each(Object.entries(golden.some))('of %s are those of torch, bit for bit', (dtype, pairs) => {
    for (const [bytes, value] of pairs) {
      // a component of a complex number decodes as the real type of its size
      const part = { complex64: 'float32', complex128: 'float64' }[dtype] ?? dtype
      const decoded = decodeValues(part as DType, bytesOf(bytes as string))
      expect(Buffer.from(decoded.buffer).toString('hex'), bytes).toBe(value)
    }
  })

  it('of complex numbers are the real and imaginary parts in turn', () => {
    for (const dtype of ['complex64', 'complex128'] as const) {
      const bytes = bytesOf(golden.some[dtype].map(([raw]) => raw).join(''))
      const expected = bytesOf(golden.some[dtype].map(([, value]) => value).join(''))
      expect(new Uint8Array(decodeValues(dtype, bytes).buffer)).toEqual(expected)
    }
    expect([...decodeValues('complex32', bytesOf('003c00c0'))]).toEqual([1, -2])
  })

  it('of packed float4 are two a byte, the low half first', () => {
    const low = [...decodeValues('float4_e2m1fn_x2', patterns('uint8').subarray(0, 16))].filter((_, i) => i % 2 === 0)
    expect(low).toEqual([0, 0.5, 1, 1.5, 2, 3, 4, 6, -0, -0.5, -1, -1.5, -2, -3, -4, -6])
    expect([...decodeValues('float4_e2m1fn_x2', bytesOf('7f'))]).toEqual([-6, 6])
  })

  it('are read at any offset in memory, and into an array that is large enough', () => {
    const shifted = new Uint8Array(9)
    shifted.set(bytesOf('0000803f000000c0'), 1)
    const into = new Float64Array(8)
    const values = decodeValues('float32', shifted.subarray(1), into)
    expect([...values]).toEqual([1, -2])
    expect(values.buffer).toBe(into.buffer)
    expect([...decodeValues('float32', shifted.subarray(1), new Float64Array(1))]).toEqual([1, -2])
  })

  it('are there for every dtype, as many as it promises', () => {
    for (const dtype of Object.keys(DTYPES) as DType[]) {
      const values = decodeValues(dtype, new Uint8Array(itemSize(dtype) * 3))
      expect(values.length, dtype).toBe(3 * valuesPerElement(dtype))
    }
  })
})
