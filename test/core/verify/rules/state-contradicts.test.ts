import { expect, test } from 'vitest'
import type { Plain } from '../../../../src/core/decode/plain'
import { stateContradicts } from '../../../../src/core/verify/rules/state-contradicts'
import { checkpointOf, findingsOf } from '../handmade'

const STATE = {
  epoch: 2,
  global_step: 8,
  max_steps: 8,
  logging_steps: 4,
  log_history: [
    { step: 4, epoch: 1, loss: 2 },
    { step: 8, epoch: 2, loss: 1 },
  ],
}

const told = async (fields: { [key: string]: Plain }, strategy = 'steps') => {
  const args = { '<TrainingArguments>': { optim: 'adamw_torch', logging_strategy: strategy } }
  const records = [
    { file: 'training_args.bin', component: 'trainer' as const, value: args },
    { file: 'trainer_state.json', component: 'trainer' as const, value: { ...STATE, ...fields } },
  ]
  const found = await findingsOf(stateContradicts, checkpointOf({ layout: 'trainer', state: { records } }))
  return found.map(({ severity, message }) => `${severity}: ${message}`)
}

test('a trainer state that the Trainer wrote agrees with itself', async () => {
  expect(await told({})).toEqual([])
  expect(await told({ max_steps: -1, epoch: 2.001 })).toEqual([])
})

test('an epoch, a last step or a log that is not of this step is told', async () => {
  expect(await told({ epoch: 55 })).toEqual([
    'warning: trainer_state.json says epoch 55, its own log says 2 at the same step 8',
  ])
  expect(await told({ max_steps: 4 })).toEqual(['warning: trainer_state.json says global_step 8 of max_steps 4'])
  expect(await told({ global_step: 6 })).toEqual([
    'warning: trainer_state.json says global_step 6, and its own log goes on to step 8',
  ])
})

test('an empty log is a note, and none where nothing was to be logged', async () => {
  expect(await told({ log_history: [] })).toEqual([expect.stringMatching(/^info: .* has an empty log/)])
  expect(await told({ log_history: [] }, 'no')).toEqual([])
})
