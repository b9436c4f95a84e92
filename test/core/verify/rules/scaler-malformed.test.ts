import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { openCheckpoint } from '../../../../src/core/checkpoint/open'
import type { Plain } from '../../../../src/core/decode/plain'
import { scalerMalformed } from '../../../../src/core/verify/rules/scaler-malformed'
import { goldenPath } from '../../../golden/cases'
import { checkpointOf, findingsOf } from '../handmade'

const SCALER = { scale: 65536, growth_factor: 2, backoff_factor: 0.5, growth_interval: 2000, _growth_tracker: 0 }

const messages = async (value: Plain, layout: 'trainer' | 'file' = 'trainer', fp16 = true) => {
  const args = { '<TrainingArguments>': { optim: 'adamw_torch', fp16 } }
  const records = [
    { file: 'training_args.bin', component: 'trainer' as const, value: args },
    { file: 'scaler.pt', component: 'scaler' as const, value },
  ]
  const found = await findingsOf(scalerMalformed, checkpointOf({ layout, state: { records } }))
  return found.map(({ message }) => message)
}

describe('a grad scaler', () => {
  test('that torch wrote is in order, beside any checkpoint', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'assay-test-'))
    cpSync(goldenPath('trainer-gpt2'), folder, { recursive: true })
    cpSync(join(goldenPath('scaler-cpu'), 'scaler.pt'), join(folder, 'scaler.pt'))
    const checkpoint = await openCheckpoint(folder)
    expect(checkpoint.state.records.some(({ component }) => component === 'scaler')).toBe(true)
    expect(await findingsOf(scalerMalformed, checkpoint)).toEqual([])
    checkpoint.close()
    rmSync(folder, { recursive: true })
  })

  test('from which no step could be taken is told', async () => {
    expect(await messages(SCALER)).toEqual([])
    for (const scale of [0, -1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(await messages({ ...SCALER, scale })).toEqual([expect.stringMatching(/every step would be skipped/)])
    }
    expect(await messages({ ...SCALER, growth_factor: 0.5 })).toHaveLength(1)
  })

  test('that would not load is told', async () => {
    const { growth_interval: _, ...rest } = SCALER
    expect(await messages(rest)).toEqual([expect.stringMatching(/lacks growth_interval/)])
    expect(await messages([1, 2])).toEqual([expect.stringMatching(/is not what a grad scaler saves/)])
    expect(await messages({})).toEqual([expect.stringMatching(/switched off, and training_args.bin says fp16=True/)])
  })

  test('may be switched off, and a scaler of data is another thing', async () => {
    expect(await messages({}, 'trainer', false)).toEqual([])
    expect(await messages({ mean: 0.1, scale: 0 }, 'file')).toEqual([])
  })
})
