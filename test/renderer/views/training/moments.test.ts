import { describe, expect, it } from 'vitest'
import { isUntouched, nameOf, slotsOf, troubleOf } from '../../../../src/renderer/views/training/moments'
import { plainStatistics } from '../../fixture/case'
import { rowOf } from '../../fixture/truth'

const state = (key: number, slots: string[], name?: string) => ({
  key,
  group: 0,
  tensors: slots.map((slot, index) => ({ slot, index })),
  scalars: {},
  ...(name !== undefined && { name }),
})
const healthy = plainStatistics(rowOf(0, 'w', 'float32', [4]))

describe('what an optimizer keeps of a parameter', () => {
  it('goes by its name, or by its number where there is none', () => {
    expect(nameOf(state(3, [], 'wte.weight'))).toBe('wte.weight')
    expect(nameOf(state(3, []))).toBe('parameter 3')
  })

  it('has a column for each state but the count of steps', () => {
    expect(slotsOf([state(0, []), state(1, ['step', 'exp_avg', 'exp_avg_sq'])])).toEqual(['exp_avg', 'exp_avg_sq'])
  })

  it('is nothing for one that was never updated', () => {
    expect(isUntouched(state(0, []))).toBe(true)
    expect(isUntouched({ ...state(0, []), scalars: { step: 3 } })).toBe(false)
    expect(isUntouched(state(0, ['exp_avg']))).toBe(false)
  })

  it('is flagged where its values cannot be, and only there', () => {
    expect(troubleOf('exp_avg', healthy)).toBeUndefined()
    expect(troubleOf('exp_avg', { ...healthy, nan: 1 })).toBe('exp_avg not finite')
    expect(troubleOf('exp_avg', { ...healthy, zeros: healthy.count })).toBe('exp_avg all zero')
    expect(troubleOf('exp_avg_sq', { ...healthy, min: -1 })).toBe('exp_avg_sq negative')
    expect(troubleOf('exp_avg_sq', { ...healthy, min: 0 })).toBeUndefined()
  })
})
