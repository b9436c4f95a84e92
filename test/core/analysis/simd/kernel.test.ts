import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Comparison, Statistics } from '../../../../src/core/analysis/kernel'
import { referenceKernel } from '../../../../src/core/analysis/reference'
import { simdKernel } from '../../../../src/core/analysis/simd/kernel'
import { STEP_BYTES, simd } from '../../../../src/core/analysis/simd/module'
import { DTYPES, type DType, itemSize } from '../../../../src/core/checkpoint/dtype'

const ALL = Object.keys(DTYPES) as DType[]
/** Sums of two orders differ by some roundings of the largest part of them. */
const CLOSE = 1e-9

/** Bytes of any values of a dtype: random patterns are NaN, infinities, denormals and extremes as often as they are numbers. */
function patterns(dtype: DType, most: number): fc.Arbitrary<Uint8Array> {
  const special: Partial<Record<DType, readonly number[]>> = {
    float32: [0, 0x80000000, 1, 0x807fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0x7f7fffff, 0xff7fffff],
    bfloat16: [0, 0x8000, 1, 0x807f, 0x7f80, 0xff80, 0x7fc0, 0x7f7f, 0xff7f],
    float16: [0, 0x8000, 1, 0x83ff, 0x7c00, 0xfc00, 0x7e00, 0x7bff, 0xfbff],
  }
  const size = itemSize(dtype)
  const words = special[dtype]
  const element = fc.oneof(
    { weight: 6, arbitrary: fc.uint8Array({ minLength: size, maxLength: size }) },
    { weight: 3, arbitrary: fc.constant(new Uint8Array(size)) },
    {
      weight: words ? 3 : 0,
      arbitrary: fc.constantFrom(...(words ?? [0])).map((word) => {
        const bytes = new Uint8Array(8)
        new DataView(bytes.buffer).setUint32(0, word, true)
        return bytes.slice(0, size)
      }),
    },
  )
  return fc.array(element, { maxLength: most, size: 'max' }).map((parts) => tamed(dtype, joined(parts, size)))
}

/** Float64 whose squares are beyond it has no L2 to agree on; every other dtype is taken as it comes. */
function tamed(dtype: DType, bytes: Uint8Array): Uint8Array {
  if (dtype !== 'float64' && dtype !== 'complex128') return bytes
  const values = new Float64Array(bytes.buffer)
  for (let i = 0; i < values.length; i++) {
    const size = Math.abs(values[i] as number)
    if (Number.isFinite(size) && (size > 1e120 || (size !== 0 && size < 1e-120))) values[i] = Math.sin(i)
  }
  return bytes
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(parts.length * size)
  for (const [i, part] of parts.entries()) bytes.set(part, i * size)
  return bytes
}

/** The same bytes, beginning at an address that is a multiple of nothing. */
function shifted(bytes: Uint8Array, by: number): Uint8Array {
  const moved = new Uint8Array(bytes.length + by).subarray(by)
  moved.set(bytes)
  return moved
}

/** A copy with some elements exchanged for those of the other. */
function partly(a: Uint8Array, b: Uint8Array, size: number, every: number): Uint8Array {
  const mixed = a.slice()
  for (let at = 0; at + size <= Math.min(a.length, b.length); at += size * every) {
    mixed.set(b.subarray(at, at + size), at)
  }
  return mixed
}

function near(actual: number | null, expected: number | null, scale: number, what: string): void {
  if (expected === null || actual === null || !Number.isFinite(expected)) expect(actual, what).toBe(expected)
  else expect(Math.abs(actual - expected), `${what}: ${actual}, ${expected}`).toBeLessThanOrEqual(CLOSE * scale)
}

function sameStatistics(found: Statistics, wanted: Statistics): void {
  const { mean, std, l2, min, max, ...counts } = found
  expect(counts).toEqual({
    count: wanted.count,
    zeros: wanted.zeros,
    nan: wanted.nan,
    inf: wanted.inf,
    denormals: wanted.denormals,
    ...(wanted.exponents !== undefined && { exponents: wanted.exponents }),
  })
  expect(min === wanted.min && max === wanted.max, `${min}..${max}, ${wanted.min}..${wanted.max}`).toBe(true)
  const largest = Math.max(Math.abs(wanted.min ?? 0), Math.abs(wanted.max ?? 0))
  near(mean, wanted.mean, largest, 'mean')
  near(std, wanted.std, largest, 'std')
  near(l2, wanted.l2, wanted.l2 ?? 0, 'l2')
}

function sameComparison(found: Comparison, wanted: Comparison): void {
  const { meanAbs, rms, relL2, cosine, maxAbs, maxUlp, ...counts } = found
  const { changed, count, nonFinite, becameNan, wasNan, beyond } = wanted
  expect(counts).toEqual({ changed, count, nonFinite, becameNan, wasNan, beyond })
  expect([maxAbs, maxUlp]).toEqual([wanted.maxAbs, wanted.maxUlp])
  near(meanAbs, wanted.meanAbs, wanted.meanAbs, 'mean')
  near(rms, wanted.rms, wanted.rms, 'rms')
  near(relL2, wanted.relL2, wanted.relL2 ?? 0, 'relative L2')
  near(cosine, wanted.cosine, 1, 'cosine')
}

const offset = fc.nat({ max: 15 })

describe('the SIMD kernels', () => {
  it('are there', () => {
    expect(simd()).toBeDefined()
  })

  it.each(ALL)('measure %s as the reference does, at any length and place', (dtype) => {
    fc.assert(
      fc.property(
        fc.array(patterns(dtype, 130), { minLength: 1, maxLength: 3 }),
        offset,
        fc.boolean(),
        (blocks, by, exponents) => {
          const [fast, slow] = [simdKernel, referenceKernel].map((kernel) => kernel.statistics(dtype, { exponents }))
          for (const block of blocks) {
            fast?.update(shifted(block, by))
            slow?.update(block)
          }
          sameStatistics(fast?.result() as Statistics, slow?.result() as Statistics)
        },
      ),
      { numRuns: 150 },
    )
  })

  it.each(ALL)('compare %s as the reference does, at any length and place', (dtype) => {
    const size = itemSize(dtype)
    const pair = fc.tuple(patterns(dtype, 130), patterns(dtype, 130), fc.integer({ min: 1, max: 40 }), fc.boolean())
    fc.assert(
      fc.property(pair, offset, fc.boolean(), fc.boolean(), ([a, other, every, all], by, ulp, tolerant) => {
        const length = Math.min(a.length, other.length)
        const b = all ? other.subarray(0, length) : partly(a, other, size, every).subarray(0, length)
        const options = { ulp, ...(tolerant && { tolerance: { atol: 1e-3, rtol: 0.5 } }) }
        const [fast, slow] = [simdKernel, referenceKernel].map((kernel) => kernel.comparison(dtype, dtype, options))
        fast?.update(shifted(a.subarray(0, length), by), shifted(b, 15 - by))
        slow?.update(a.slice(0, length), b.slice())
        sameComparison(fast?.result() as Comparison, slow?.result() as Comparison)
      }),
      { numRuns: 150 },
    )
  })

  it('compare any two dtypes as the reference does', () => {
    const two = fc.constantFrom(...ALL).chain((a) => fc.tuple(fc.constant(a), fc.constantFrom(...ALL)))
    const both = two.chain(([a, b]) => fc.tuple(fc.constant(a), fc.constant(b), patterns(a, 130), patterns(b, 130)))
    fc.assert(
      fc.property(both, offset, ([a, b, x, y], by) => {
        fc.pre((a === 'float4_e2m1fn_x2') === (b === 'float4_e2m1fn_x2'))
        const n = Math.min(x.length / itemSize(a), y.length / itemSize(b))
        const [blockA, blockB] = [x.slice(0, n * itemSize(a)), y.slice(0, n * itemSize(b))]
        const [fast, slow] = [simdKernel.comparison(a, b), referenceKernel.comparison(a, b)]
        fast.update(shifted(blockA, by), shifted(blockB, 15 - by))
        slow.update(blockA, blockB)
        sameComparison(fast.result(), slow.result())
      }),
      { numRuns: 1500 },
    )
  })

  it.each(ALL)('count %s in the same bins', (dtype) => {
    const edges = fc.tuple(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      fc.float({ noNaN: true, noDefaultInfinity: true }),
    )
    fc.assert(
      fc.property(patterns(dtype, 130), edges, fc.integer({ min: 1, max: 64 }), (block, [p, q], bins) => {
        const [fast, slow] = [simdKernel, referenceKernel].map((kernel) =>
          kernel.histogram(dtype, Math.min(p, q), Math.max(p, q), bins),
        )
        fast?.update(block)
        slow?.update(block)
        expect(fast?.result()).toEqual(slow?.result())
      }),
      { numRuns: 60 },
    )
  })

  it.each(ALL)('draw %s as the reference does, however it comes in blocks', (dtype) => {
    const grid = fc.record({
      columns: fc.integer({ min: 1, max: 40 }),
      side: fc.integer({ min: 1, max: 12 }),
      cut: fc.integer({ min: 1, max: 130 }),
    })
    fc.assert(
      fc.property(patterns(dtype, 400), grid, offset, (bytes, { columns, side, cut }, by) => {
        const size = itemSize(dtype)
        const rows = Math.floor(bytes.length / size / columns)
        const used = bytes.slice(0, rows * columns * size)
        const drawings = [simdKernel, referenceKernel].map((kernel) => {
          const drawing = kernel.picture(dtype, [rows, columns], side)
          for (let at = 0; at < used.length; at += cut * size) {
            drawing?.update(shifted(used.subarray(at, at + cut * size), by))
          }
          return drawing?.result()
        })
        const [fast, slow] = drawings
        expect([fast?.width, fast?.height]).toEqual([slow?.width, slow?.height])
        // -0 and 0 are as far from zero
        const unsigned = (v: number | null) => (v === null ? null : v + 0)
        expect(fast?.extremes.map(unsigned)).toEqual(slow?.extremes.map(unsigned))
        const largest = Math.max(0, ...(slow?.extremes ?? []).map((v) => Math.abs(v ?? 0)))
        for (const [i, mean] of (slow?.values ?? []).entries())
          near(fast?.values[i] ?? null, mean, largest, `cell ${i}`)
      }),
      { numRuns: 80 },
    )
  })

  it.each(ALL)('measure long blocks of %s, beyond a step, as the reference does', (dtype) => {
    const count = STEP_BYTES / itemSize(dtype) + 7
    const [a, b] = [drawn(dtype, count, 1), drawn(dtype, count, 2)]
    const third = Math.floor(a.length / 3 / itemSize(dtype)) * itemSize(dtype)
    a.fill(0, third, 2 * third)
    b.copyWithin(0, third, third + 8000)
    const [fast, slow] = [simdKernel, referenceKernel].map((kernel) => kernel.statistics(dtype, { exponents: true }))
    const [fastPair, slowPair] = [simdKernel.comparison(dtype, dtype), referenceKernel.comparison(dtype, dtype)]
    fast?.update(a)
    slow?.update(a)
    fastPair.update(a, b)
    slowPair.update(a, b)
    sameStatistics(fast?.result() as Statistics, slow?.result() as Statistics)
    sameComparison(fastPair.result(), slowPair.result())
  })

  it('keep the deviation of values far from zero, and the angle between sides of very different size', () => {
    const far = Float64Array.from({ length: 100_000 }, (_, i) => 1e9 + (i % 2))
    const accumulator = simdKernel.statistics('float64')
    accumulator.update(new Uint8Array(far.buffer))
    expect(accumulator.result().mean).toBe(1e9 + 0.5)
    expect(accumulator.result().std).toBeCloseTo(0.5, 9)
    const [large, small] = [1e6, 1e-6].map((size) => Float32Array.from({ length: 1000 }, (_, i) => size * Math.sin(i)))
    const pair = simdKernel.comparison('float32', 'float32')
    pair.update(new Uint8Array(large?.buffer as ArrayBuffer), new Uint8Array(small?.buffer as ArrayBuffer))
    expect(pair.result().cosine).toBeCloseTo(1, 9)
  })

  it('have one checksum with the reference for the same bytes, whatever their length and place', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400, size: 'max' }), offset, (bytes, by) => {
        expect(simdKernel.checksum(shifted(bytes, by))).toBe(referenceKernel.checksum(bytes))
      }),
      { numRuns: 200 },
    )
    const long = drawn('uint8', STEP_BYTES + 77, 1)
    expect(simdKernel.checksum(long)).toBe(referenceKernel.checksum(long))
  })

  it('have another checksum for each bit that changes, for each number of zeros, and for parts that changed places', () => {
    const bytes = drawn('uint8', 256, 3)
    const changed = Array.from({ length: 256 * 8 }, (_, bit) => {
      const copy = bytes.slice()
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7))
      return copy
    })
    const zeros = Array.from({ length: 300 }, (_, length) => new Uint8Array(length))
    const turned = [16, 32, 64, 128].map((at) => joined([bytes.subarray(at), bytes.subarray(0, at)], 256 - at))
    const all = [bytes, ...changed, ...zeros, ...turned]
    expect(new Set(all.map((each) => simdKernel.checksum(each))).size).toBe(all.length)
  })

  it('refuse blocks of different lengths', () => {
    const pair = simdKernel.comparison('float32', 'float16')
    expect(() => pair.update(new Uint8Array(8), new Uint8Array(8))).toThrow(RangeError)
  })
})

/** Values of every size that are not too large to be squared, the same for a seed. */
function drawn(dtype: DType, count: number, seed: number): Uint8Array {
  let state = seed
  const bytes = new Uint8Array(count * itemSize(dtype))
  for (let i = 0; i < bytes.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    bytes[i] = state >>> 24
  }
  return tamed(dtype, bytes)
}
