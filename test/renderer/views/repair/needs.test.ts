import { expect, test } from 'vitest'
import { hopesForReference, needsRepair } from '../../../../src/renderer/views/repair/needs'

const unmended = (rule: string, why: string, note?: true) => ({
  plan: [],
  unmended: [{ rule, subject: 'x', why, ...(note && { note }) }],
})

test('a checkpoint without training state needs no repair', () => {
  expect(needsRepair({ plan: [], unmended: [] })).toBe(false)
  expect(needsRepair(unmended('optimizer/missing', 'Training state cannot be made up', true))).toBe(false)
  expect(needsRepair(unmended('weights/non-finite', 'The numbers are gone'))).toBe(true)
})

test('a reference is offered only where it may help', () => {
  expect(hopesForReference(unmended('pickle/dangerous', 'A copy would run the same code'))).toBe(false)
  expect(hopesForReference(unmended('weights/missing-shard', 'a reference may have them'))).toBe(true)
})
