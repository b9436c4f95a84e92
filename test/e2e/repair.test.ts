import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

const run = join(mkdtempSync(join(tmpdir(), 'assay-e2e-')), 'run')
const SPOILT = ['transformer.h.0.attn.c_attn.weight', 'transformer.h.1.mlp.c_fc.weight']
let app: App
beforeAll(async () => {
  cpSync(goldenPath('trainer-gpt2', 'data'), run, { recursive: true })
  spoil(join(run, 'checkpoint-30/model.safetensors'))
  app = await start([join(run, 'checkpoint-30')])
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

/** Where the bytes of a tensor are, in a safetensors file. */
function rangeOf(bytes: Buffer, name: string): [start: number, end: number] {
  const header = Number(bytes.readBigUInt64LE())
  const { data_offsets } = JSON.parse(bytes.toString('utf8', 8, 8 + header))[name]
  return data_offsets.map((offset: number) => 8 + header + offset)
}

function spoil(path: string): void {
  const bytes = readFileSync(path)
  for (const name of SPOILT) bytes.writeFloatLE(Number.NaN, rangeOf(bytes, name)[0])
  writeFileSync(path, bytes)
}

const steps = () => app.byId('repair-plan-step')
const focused = () => app.page.locator('[data-testid=repair-plan-step]:focus').getAttribute('data-subject')
const summary = () => app.byId('repair-summary').textContent()

async function expectNoBarriers(): Promise<void> {
  for (const _ of ['one scheme', 'the other']) {
    expect(await app.violations()).toEqual([])
    await app.byId('theme-toggle').first().click()
  }
}

it('a finding leads to the step that mends it', async () => {
  await app.byId('verify-deep').click()
  await app.byId('verified-deep').waitFor()
  await app.byId('finding-repair').click()
  await expect.poll(focused).toBe(SPOILT[0])
  await app.page.keyboard.press('.')
  await expect.poll(focused).toBe(SPOILT[1])
})

it('a step that several checkpoints could mend is done only once one of them is chosen', async () => {
  expect(await summary()).toContain('2 need you')
  expect(await app.byId('repair-apply').isDisabled()).toBe(true)
  await steps().first().getByRole('radio', { name: 'checkpoint-10' }).check()
  await expect.poll(summary).toContain('1 step will be done, 1 needs you')
  await expect.poll(() => app.byId('repair-apply').isEnabled()).toBe(true)
})

it('one answer serves all that ask the same', async () => {
  await app.byId('repair-for-all').click()
  await app.page.getByRole('option', { name: 'checkpoint-20' }).click()
  await expect.poll(summary).toContain('2 steps will be done')
  expect(await steps().last().textContent()).toContain('from checkpoint-20')
})

it('a tensor is shown as it is and as it would be', async () => {
  await app.byId('repair-before-after').first().click()
  const [before, after] = ['Before', 'After'].map((side) => app.page.getByRole('region', { name: side, exact: true }))
  await before?.getByText('1 NaN or infinite').waitFor()
  await after?.getByRole('img').first().waitFor()
  expect(await after?.textContent()).toContain('checkpoint-20')
  expect(await after?.textContent()).not.toContain('NaN')
  await expectNoBarriers()
  await app.picture('repair-before-after')
})

it('a reference that cannot be used is told at its field, and the plan stays', async () => {
  await app.byId('repair-reference').fill('/there/is/no/reference')
  await app.byId('reference-problem').waitFor()
  expect(await app.byId('repair-reference').getAttribute('aria-invalid')).toBe('true')
  expect(await steps().count()).toBe(2)
  expect(await app.byId('error-panel').count()).toBe(0)
  expect(await app.byId('repair-apply').isDisabled()).toBe(true)
  await app.byId('repair-reference').fill('')
  await expect.poll(() => app.byId('repair-apply').isEnabled()).toBe(true)
})

it('a step that is refused is not done, and can be taken up again', async () => {
  const box = steps().last().getByRole('checkbox')
  await box.focus()
  await app.page.keyboard.press('Space')
  await expect.poll(summary).toContain('1 step will be done, 1 needs you')
  await steps().last().getByRole('radio', { name: 'checkpoint-20' }).check()
  await expect.poll(summary).toContain('2 steps will be done')
})

it('what was chosen is what is written', async () => {
  const out = join(run, 'mended')
  await app.byId('repair-out').fill(out)
  await app.byId('repair-apply').focus()
  await app.page.keyboard.press('Enter')
  await app.byId('repair-result').waitFor()
  expect(await app.byId('repair-result').getAttribute('data-verdict')).toBe('partial')
  // Whoever has no mouse goes on from here.
  expect(await app.byId('repair-apply').evaluate((button) => button.matches(':focus'))).toBe(true)
  const [mended, chosen] = [out, join(run, 'checkpoint-20')].map((at) => readFileSync(join(at, 'model.safetensors')))
  if (!mended || !chosen) throw new Error('Nothing was read')
  for (const name of SPOILT)
    expect(mended.subarray(...rangeOf(mended, name))).toEqual(chosen.subarray(...rangeOf(chosen, name)))
  await app.picture('repair-chosen')
  await expectNoBarriers()
})
