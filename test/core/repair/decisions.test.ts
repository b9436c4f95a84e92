import { expect, test } from 'vitest'
import { refuseStrays } from '../../../src/core/repair/decisions'

test('a step that went with those it followed from may be refused all the same, by its subject', () => {
  expect(() => refuseStrays([{ step: 5, subject: 'model.safetensors.index.json', choice: 'none' }], 4)).not.toThrow()
})

test.each([
  ['a refusal without its subject', { step: 5, choice: 'none' }],
  ['a choice', { step: 5, subject: 'a', choice: 'checkpoint-10' }],
  ['a subject alone', { step: 5, subject: 'a' }],
])('%s for a step that is not there is an error', (_, decision) => {
  expect(() => refuseStrays([decision], 4)).toThrow('there is no step 5')
})
