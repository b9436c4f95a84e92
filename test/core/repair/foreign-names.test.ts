import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { referenceKernel as kernel } from '../../../src/core/analysis/reference'
import { applyRepair } from '../../../src/core/repair/apply'
import { digests, flattenTensors, golden, opened, planned, renameTensors, scratch } from './cases'

const MODEL = 'model.safetensors'

/** A copy of the GPT-2 run of which the last checkpoint has its names under a module that the model has not. */
function wrapped(): string {
  const folder = scratch()
  cpSync(golden('trainer-gpt2/data'), folder, { recursive: true })
  const path = join(folder, 'checkpoint-30')
  renameTensors(join(path, MODEL), (name) => `model.module.${name}`)
  return path
}

it('a reference is brought together with names that a foreign module has put its own before', async () => {
  const reference = golden('trainer-gpt2/data/checkpoint-30')
  const { checkpoint, plan } = await planned(wrapped(), { reference })
  expect(plan.plan).toMatchObject([{ kind: 'rename', confidence: 'certain' }])
  const out = join(scratch(), 'mended')
  await applyRepair(checkpoint, plan, { kernel, out })
  expect(await digests(await opened(out))).toEqual(await digests(await opened(reference)))
})

it('it tells the shapes as well where these were lost too', async () => {
  const path = wrapped()
  flattenTensors(join(path, MODEL))
  const { plan } = await planned(path, { reference: join(path, '..', 'checkpoint-20') })
  expect(plan.plan.filter(({ kind }) => kind === 'reshape').every(({ confidence }) => confidence === 'certain')).toBe(
    true,
  )
  expect(plan.plan.some(({ evidence }) => evidence.includes('checkpoint-20'))).toBe(true)
})
