import { describe, expect, it } from 'vitest'
import { FORMATS, type Format, lossOf } from '../../../../src/renderer/views/tensors/formats'
import { plainStatistics } from '../../fixture/case'
import { rowOf } from '../../fixture/truth'

const statistics = plainStatistics(rowOf(0, 'weight', 'float32', [100]))
const formatOf = (dtype: string) => FORMATS.find((format) => format.dtype === dtype) as Format
const one = (exponent: number) => ({ first: exponent, positive: [1], negative: [2] })

describe('what a cast would lose', () => {
  it('is nothing where all exponents are among the normal ones', () => {
    for (const format of FORMATS) {
      expect(lossOf('float32', statistics, one(-6), format)).toEqual({ overflow: 0, zero: 0, denormal: 0 })
    }
  })

  it('is digits below the smallest normal value, and the whole value below half the smallest denormal', () => {
    const half = formatOf('float16')
    expect(lossOf('float32', statistics, one(-15), half)).toEqual({ overflow: 0, zero: 0, denormal: 3 })
    expect(lossOf('float32', statistics, one(-25), half)).toEqual({ overflow: 0, zero: 0, denormal: 3 })
    expect(lossOf('float32', statistics, one(-26), half)).toEqual({ overflow: 0, zero: 3, denormal: 0 })
  })

  it('is what lies beyond the largest value, of which the extremes tell where the exponent does not', () => {
    const format = formatOf('float8_e4m3fn')
    expect(lossOf('float32', { ...statistics, max: 600 }, one(9), format)?.overflow).toBe(3)
    expect(lossOf('float32', { ...statistics, min: -450 }, one(8), format)?.overflow).toBe(1)
    expect(lossOf('float32', { ...statistics, min: -448 }, one(8), format)?.overflow).toBe(0)
  })

  it('counts denormals that are there already: digits in bfloat16, the whole value in what is narrower', () => {
    const tiny = { ...statistics, denormals: 5 }
    expect(lossOf('float32', tiny, one(0), formatOf('bfloat16'))?.denormal).toBe(5)
    expect(lossOf('float32', tiny, one(0), formatOf('float16'))?.zero).toBe(5)
    expect(lossOf('float64', tiny, one(0), formatOf('bfloat16'))?.zero).toBe(5)
    expect(lossOf('float16', tiny, one(0), formatOf('float16'))).toEqual({ overflow: 0, zero: 0, denormal: 5 })
    expect(lossOf('float16', tiny, one(0), formatOf('bfloat16'))).toEqual({ overflow: 0, zero: 0, denormal: 0 })
  })

  it('is no digit of bfloat16 where the wider significand of float16 has some to spare', () => {
    expect(lossOf('bfloat16', statistics, one(-17), formatOf('float16'))?.denormal).toBe(0)
    expect(lossOf('bfloat16', statistics, one(-18), formatOf('float16'))?.denormal).toBe(3)
  })

  it('is not asked of integers', () => {
    expect(lossOf('int8', statistics, one(0), formatOf('float16'))).toBeUndefined()
  })
})
