import { describe, expect, test } from 'vitest'
import type { OptimizerState, ParamGroup } from '../../../../src/core/checkpoint/checkpoint'
import type { Plain } from '../../../../src/core/decode/plain'
import { settingsMismatch } from '../../../../src/core/verify/rules/settings-mismatch'
import { checkpointOf, findingsOf } from '../handmade'

const ADAMW = { betas: [0.9, 0.999], eps: 1e-8, amsgrad: false, decoupled_weight_decay: true }
const SGD = { momentum: 0, dampening: 0, nesterov: false }
const ARGUMENTS = { optim: 'adamw_torch', adam_beta1: 0.9, adam_beta2: 0.999, adam_epsilon: 1e-8, learning_rate: 1e-3 }

function told(groups: { [key: string]: Plain }[], more: Partial<ParamGroup> = {}, base = 1e-3) {
  const optimizer: OptimizerState = {
    file: 'optimizer.pt',
    groups: groups.map((hyper) => ({ params: [0], lr: 0, initialLr: 1e-3, ...more, hyper })),
    parameters: [],
  }
  const scheduler = { file: 'scheduler.pt', lastLr: groups.map(() => 0), baseLrs: groups.map(() => base), value: {} }
  const record = {
    file: 'training_args.bin',
    component: 'trainer' as const,
    value: { '<TrainingArguments>': ARGUMENTS },
  }
  const state = { optimizers: [optimizer], schedulers: [scheduler], records: [record] }
  return findingsOf(settingsMismatch, checkpointOf({ layout: 'trainer', state }))
}

describe('the optimizer that the arguments of the Trainer ask for', () => {
  test('is the one that is here', async () => {
    expect(await told([ADAMW, ADAMW])).toEqual([])
  })

  test("may be one of the script's own, which is a note", async () => {
    expect(await told([SGD])).toMatchObject([{ severity: 'info', evidence: { kind: 'SGD', optim: 'adamw_torch' } }])
  })

  test('is that of another training where the scheduler says so too', async () => {
    const [found] = await told([SGD], { initialLr: 0.1 })
    expect(found).toMatchObject({ severity: 'error' })
    expect(found?.message).toMatch(/belongs to another training. It loads without a word and the first step fails/)
  })
})

describe('settings', () => {
  test('of one group alone were changed', async () => {
    expect(await told([{ ...ADAMW, betas: [0, 0] }, ADAMW])).toMatchObject([
      { severity: 'warning', evidence: { setting: 'betas' } },
    ])
  })

  test('of all groups are those that training was begun with: the arguments do nothing', async () => {
    const other = { ...ADAMW, betas: [0.9, 0.95] }
    expect(await told([other, other])).toMatchObject([{ severity: 'info', evidence: { setting: 'betas' } }])
    expect(await told([ADAMW, ADAMW], { initialLr: 2e-3 }, 2e-3)).toMatchObject([
      { severity: 'info', evidence: { setting: 'initial_lr' } },
    ])
  })
})
