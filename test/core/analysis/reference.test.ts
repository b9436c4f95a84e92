import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Comparison, Statistics } from '../../../src/core/analysis/kernel'
import { referenceKernel } from '../../../src/core/analysis/reference'
import type { DType } from '../../../src/core/checkpoint/dtype'

const f32 = (values: readonly number[]) => new Uint8Array(Float32Array.from(values).buffer)
const f64 = (values: readonly number[]) => new Uint8Array(Float64Array.from(values).buffer)
const i64 = (values: readonly bigint[]) => new Uint8Array(BigInt64Array.from(values).buffer)

function statistics(dtype: DType, ...blocks: Uint8Array[]): Statistics {
  const accumulator = referenceKernel.statistics(dtype)
  for (const block of blocks) accumulator.update(block)
  return accumulator.result()
}

function compared(a: DType, b: DType, ...pairs: [Uint8Array, Uint8Array][]): Comparison {
  const accumulator = referenceKernel.comparison(a, b)
  for (const [x, y] of pairs) accumulator.update(x, y)
  return accumulator.result()
}

/** Cuts an array in blocks at the given places. */
function cut(values: readonly number[], at: readonly number[]): number[][] {
  const edges = [0, ...at.map((n) => n % (values.length + 1)).sort((a, b) => a - b), values.length]
  return edges.slice(1).map((end, i) => values.slice(edges[i], end))
}

function close(actual: number | null, expected: number | null, scale = Math.abs(expected ?? 0)): void {
  if (expected === null || actual === null) expect(actual).toBe(expected)
  else expect(Math.abs(actual - expected)).toBeLessThanOrEqual(1e-12 * scale)
}

const float = fc.oneof(
  { weight: 8, arbitrary: fc.float({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }) },
  { weight: 1, arbitrary: fc.constantFrom(0, -0, 1e-45, -1e-42, 3e38, NaN, Infinity, -Infinity) },
)
const floats = fc.array(float, { maxLength: 3000, size: 'max' })
const cuts = fc.array(fc.nat(), { maxLength: 4 })

describe('statistics', () => {
  it('are those of the definitions, however the values are cut in blocks', () => {
    fc.assert(
      fc.property(floats, cuts, (drawn, at) => {
        const values = drawn.map(Math.fround)
        const s = statistics('float32', ...cut(values, at).map(f32))
        const finite = values.filter(Number.isFinite)
        expect(s).toMatchObject({
          count: values.length,
          zeros: values.filter((v) => v === 0).length,
          nan: values.filter(Number.isNaN).length,
          inf: values.filter((v) => Math.abs(v) === Infinity).length,
        })
        if (finite.length === 0) {
          expect(s).toMatchObject({ min: null, max: null, mean: null, std: null, l2: null })
          return
        }
        const mean = finite.reduce((sum, v) => sum + v / finite.length, 0)
        const largest = finite.reduce((most, v) => Math.max(most, Math.abs(v)), 0)
        expect(s.min === Math.min(...finite) && s.max === Math.max(...finite)).toBe(true)
        close(s.mean, mean, largest)
        close(s.std, Math.sqrt(finite.reduce((sum, v) => sum + (v - mean) ** 2 / finite.length, 0)), largest)
        close(s.l2, Math.sqrt(finite.reduce((sum, v) => sum + v * v, 0)))
      }),
      { numRuns: 60 },
    )
  })

  it('keep the deviation of values far from zero', () => {
    const values = Array.from({ length: 100_000 }, (_, i) => 1e9 + (i % 2))
    const s = statistics('float64', f64(values.slice(0, 777)), f64(values.slice(777)))
    expect(s.mean).toBe(1e9 + 0.5)
    expect(s.std).toBeCloseTo(0.5, 9)
  })

  it('count negative zero as zero, and leave NaN and infinities out of the measures', () => {
    expect(statistics('float32', f32([-0, 0, NaN, Infinity, -Infinity, 3, -4]))).toEqual({
      count: 7,
      zeros: 2,
      nan: 1,
      inf: 2,
      denormals: 0,
      min: -4,
      max: 3,
      mean: -0.25,
      std: Math.sqrt((2 * 0.25 ** 2 + 3.25 ** 2 + 3.75 ** 2) / 4),
      l2: 5,
    })
  })

  it('count the exponents of normal values by sign where asked, and not those of denormals', () => {
    const accumulator = referenceKernel.statistics('float32', { exponents: true })
    accumulator.update(f32([1, 1.999, -1, 2, 0.25, 1e-45, -1e-42, 0, -0, NaN, -Infinity, -3.5]))
    expect(accumulator.result()).toMatchObject({
      denormals: 2,
      exponents: { first: -2, positive: [1, 0, 2, 1], negative: [0, 0, 1, 1] },
    })
    const none = referenceKernel.statistics('float32', { exponents: true })
    none.update(f32([0, NaN]))
    expect(none.result().exponents).toBeNull()
    expect(statistics('float32', f32([1]))).not.toHaveProperty('exponents')
  })

  it('count the exponents of integers, and of 8-bit floats down to their smallest normal value', () => {
    const exponents = (dtype: DType, bytes: readonly number[]) => {
      const accumulator = referenceKernel.statistics(dtype, { exponents: true })
      accumulator.update(Uint8Array.from(bytes))
      return accumulator.result().exponents
    }
    expect(exponents('int8', [1, 0xff, 127, 0x80, 0])).toEqual({
      first: 0,
      positive: [1, 0, 0, 0, 0, 0, 1, 0],
      negative: [1, 0, 0, 0, 0, 0, 0, 1],
    })
    // 2 ** -6 is the smallest normal e4m3; one step below it is denormal
    expect(exponents('float8_e4m3fn', [0x08, 0x88, 0x07, 0x7f])).toEqual({ first: -6, positive: [1], negative: [1] })
  })

  it('are null where there is nothing to measure', () => {
    const nothing = { min: null, max: null, mean: null, std: null, l2: null, denormals: 0 }
    expect(statistics('float32')).toEqual({ ...nothing, count: 0, zeros: 0, nan: 0, inf: 0 })
    expect(statistics('float32', f32([NaN, Infinity]))).toEqual({ ...nothing, count: 2, zeros: 0, nan: 1, inf: 1 })
  })

  it('of complex numbers only count', () => {
    const s = statistics('complex64', f32([0, -0, 1, NaN, Infinity, NaN, 0, 1]))
    expect(s).toEqual({
      count: 4,
      zeros: 1,
      nan: 2,
      inf: 1,
      denormals: 0,
      min: null,
      max: null,
      mean: null,
      std: null,
      l2: null,
    })
  })

  it('read every other dtype through its values', () => {
    expect(statistics('int64', i64([-3n, 0n, 5n]))).toMatchObject({ count: 3, min: -3, max: 5, zeros: 1 })
    expect(statistics('bool', Uint8Array.of(1, 0, 1))).toMatchObject({ min: 0, max: 1, mean: 2 / 3 })
    expect(statistics('float4_e2m1fn_x2', Uint8Array.of(0x7f))).toMatchObject({ count: 2, min: -6, max: 6 })
    expect(statistics('float8_e4m3fn', Uint8Array.of(0x7e, 0x7f))).toMatchObject({ max: 448, nan: 1 })
  })
})

describe('a comparison', () => {
  it('is that of the definitions, however the values are cut in blocks', () => {
    const pairs = fc.array(fc.tuple(float, fc.oneof(float, fc.constant(undefined))), { maxLength: 2500, size: 'max' })
    fc.assert(
      fc.property(pairs, cuts, (drawn, at) => {
        const a = drawn.map(([x]) => Math.fround(x))
        const b = drawn.map(([x, y]) => Math.fround(y ?? x))
        const blocksB = cut(b, at)
        const c = compared(
          'float32',
          'float32',
          ...cut(a, at).map((x, i): [Uint8Array, Uint8Array] => [f32(x), f32(blocksB[i] ?? [])]),
        )
        const both = a.map((x, i): [number, number] => [x, b[i] as number])
        const finite = both.filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y))
        const size = (of: (x: number, y: number) => number) =>
          Math.sqrt(finite.reduce((sum, [x, y]) => sum + of(x, y) ** 2, 0))
        const apart = size((x, y) => y - x)
        const lengths = [size((x) => x), size((_, y) => y)] as const
        expect(c.count).toBe(a.length)
        expect(c.changed).toBe(both.filter(([x, y]) => x !== y && !(Number.isNaN(x) && Number.isNaN(y))).length)
        expect(c.nonFinite).toBe(a.length - finite.length)
        expect(c.maxAbs).toBe(finite.reduce((most, [x, y]) => Math.max(most, Math.abs(y - x)), 0))
        close(c.meanAbs, finite.reduce((sum, [x, y]) => sum + Math.abs(y - x), 0) / Math.max(finite.length, 1))
        close(c.rms, apart / Math.sqrt(Math.max(finite.length, 1)))
        close(c.relL2, apart === 0 ? 0 : lengths[0] === 0 ? null : apart / lengths[0])
        const cosine = finite.reduce((sum, [x, y]) => sum + (x / lengths[0]) * (y / lengths[1]), 0)
        close(c.cosine, lengths[0] * lengths[1] === 0 ? null : cosine, 1)
      }),
      { numRuns: 60 },
    )
  })

  it('of equal values finds nothing: NaN equals NaN, and -0 equals 0', () => {
    const c = compared('float32', 'float32', [f32([1, NaN, 0, Infinity]), f32([1, NaN, -0, Infinity])])
    expect(c).toMatchObject({ count: 4, changed: 0, maxAbs: 0, meanAbs: 0, rms: 0, relL2: 0, cosine: 1, nonFinite: 2 })
  })

  it('counts a value that became NaN or infinite as changed, and leaves it out of the differences', () => {
    const c = compared('float32', 'float32', [f32([1, 2, Infinity, NaN]), f32([NaN, 3, -Infinity, NaN])])
    expect(c).toMatchObject({ count: 4, changed: 3, maxAbs: 1, meanAbs: 1, nonFinite: 3, relL2: 0.5, becameNan: 1 })
  })

  it('has no relative size against zeros, and no angle with them', () => {
    expect(compared('float32', 'float32', [f32([0, 0]), f32([0, 1])])).toMatchObject({ relL2: null, cosine: null })
    expect(compared('float32', 'float32', [f32([0, 0]), f32([0, 0])])).toMatchObject({ relL2: 0, cosine: null })
    expect(compared('float32', 'float32')).toMatchObject({ count: 0, changed: 0, meanAbs: 0, relL2: 0, cosine: null })
  })

  it('works between dtypes', () => {
    const bf16 = Uint8Array.of(0x80, 0x3f, 0x00, 0xc0) // 1, -2
    expect(compared('bfloat16', 'float32', [bf16, f32([1, -2.5])])).toMatchObject({ changed: 1, maxAbs: 0.5 })
    expect(compared('complex64', 'float32', [f32([1, 0, 2, 4]), f32([1, 5])])).toMatchObject({ changed: 1, maxAbs: 5 })
  })

  it('sees 64-bit integers differ that float64 rounds together', () => {
    const c = compared('int64', 'int64', [i64([2n ** 53n, 7n]), i64([2n ** 53n + 1n, 7n])])
    expect(c).toMatchObject({ changed: 1, maxAbs: 0 })
  })

  it('takes complex numbers as points', () => {
    const c = compared('complex64', 'complex64', [f32([1, 0, 0, 1, NaN, 0]), f32([4, 4, 0, 1, NaN, 0])])
    expect(c).toMatchObject({ count: 3, changed: 1, maxAbs: 5, meanAbs: 2.5, nonFinite: 1 })
    expect(compared('complex64', 'complex64', [f32([1, 0]), f32([0, 1])]).cosine).toBe(0)
  })

  it('refuses blocks of different lengths', () => {
    expect(() => compared('float32', 'float32', [f32([1]), f32([1, 2])])).toThrow(RangeError)
  })
})

describe('a histogram', () => {
  function histogram(dtype: DType, min: number, max: number, bins: number, ...blocks: Uint8Array[]): number[] {
    const accumulator = referenceKernel.histogram(dtype, min, max, bins)
    for (const block of blocks) accumulator.update(block)
    return [...accumulator.result()]
  }

  it('counts values in bins of equal width, both ends included', () => {
    expect(histogram('float32', 0, 4, 4, f32([0, 0.5, 1, 3.99, 4]), f32([2]))).toEqual([2, 1, 1, 2])
  })

  it('leaves out what is outside or not finite', () => {
    expect(histogram('float32', 0, 1, 2, f32([-0.1, 1.1, NaN, Infinity, -Infinity, 0.75]))).toEqual([0, 1])
  })

  it('puts one value in the first bin, and survives the whole range of float64', () => {
    expect(histogram('float32', 3, 3, 3, f32([3, 3]))).toEqual([2, 0, 0])
    const most = Number.MAX_VALUE
    expect(histogram('float64', -most, most, 2, f64([-most, -most / 2, most / 2, most]))).toEqual([2, 2])
    expect(histogram('float64', 0, 5e-324, 2, f64([0, 5e-324]))).toEqual([2, 0])
  })

  it('counts no complex numbers', () => {
    expect(histogram('complex64', 0, 1, 2, f32([0.5, 0.5]))).toEqual([0, 0])
  })
})
