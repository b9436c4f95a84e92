import { describe, expect, it } from 'vitest'
import {
  activeOptions,
  isSound,
  NOTHING_TYPED,
  optionsOf,
  swappedOptions,
  wrongLine,
} from '../../../../src/renderer/views/compare/options'

describe('what a comparison allows for', () => {
  it('is nothing where nothing was typed', () => {
    expect(optionsOf(NOTHING_TYPED)).toEqual({})
    expect(activeOptions(NOTHING_TYPED)).toBe(0)
  })

  it('is renamings a line each, of which one side may be empty, and they turn with the sides', () => {
    const typed = { ...NOTHING_TYPED, rename: 'encoder. = model.enc.\n\n transformer. =\n', weightsOnly: true }
    expect(optionsOf(typed)).toEqual({ rename: { 'encoder.': 'model.enc.', 'transformer.': '' }, weightsOnly: true })
    expect(activeOptions(typed)).toBe(2)
    expect(optionsOf(swappedOptions(typed)).rename).toEqual({ 'model.enc.': 'encoder.', '': 'transformer.' })
    expect(isSound(swappedOptions(typed))).toBe(true)
  })

  it('is not to be had from a line without a pair, or from a tolerance below 0', () => {
    expect(wrongLine({ ...NOTHING_TYPED, rename: 'a = b\ntransformer.' })).toBe('transformer.')
    expect(wrongLine({ ...NOTHING_TYPED, rename: '=' })).toBe('=')
    expect(isSound({ ...NOTHING_TYPED, atol: '-1' })).toBe(false)
  })
})
