import { describe, expect, it } from 'vitest'
import { besideOf } from '../../../../src/renderer/views/repair/names'
import { parseShape } from '../../../../src/renderer/views/repair/shape'

describe('a typed shape', () => {
  it.each(['1280, 128, 3', '1280x128x3', '[1280, 128, 3]', '(1280,128,3)', ' 1280 × 128 × 3 ', '1280 128 3'])(
    'is understood as %s',
    (text) => {
      expect(parseShape(text)).toEqual([1280, 128, 3])
    },
  )

  it.each(['', 'abc', '12, -3', '1.5, 2', '1e400', '12, three'])('is none as %j', (text) => {
    expect(parseShape(text)).toBeUndefined()
  })
})

describe('the place for what is written', () => {
  it.each([
    ['/runs/checkpoint-500', 'trainer', undefined, '/runs/checkpoint-500-repaired'],
    ['/runs/v1.5/', 'folder', undefined, '/runs/v1.5-repaired'],
    ['/m/model.safetensors', 'file', undefined, '/m/model-repaired.safetensors'],
    ['C:\\m\\model.pt', 'file', '.safetensors', 'C:\\m\\model-repaired.safetensors'],
    ['/m/.hidden', 'file', undefined, '/m/.hidden-repaired'],
  ])('for %s (%s) is beside it', (path, layout, extension, place) => {
    expect(besideOf({ path, layout }, 'repaired', extension)).toBe(place)
  })
})
