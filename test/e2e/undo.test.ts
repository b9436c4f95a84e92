import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

const folder = join(mkdtempSync(join(tmpdir(), 'assay-e2e-')), 'checkpoint')
const weights = join(folder, 'model.safetensors')
const backup = `${weights}.backup`
let original: Buffer
let app: App
beforeAll(async () => {
  cpSync(goldenPath('flattened'), folder, { recursive: true })
  original = readFileSync(weights)
  app = await start([folder])
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

async function repairInPlace() {
  await app.byId('nav-repair').click()
  await app.byId('repair-reference').fill(goldenPath('flattened', 'data/reference'))
  await expect.poll(() => app.page.locator('[data-testid=repair-plan-step][data-kind=reshape]').count()).toBe(4)
  await app.page.getByText('In place', { exact: true }).click()
  await expect.poll(() => app.byId('repair-apply').isEnabled()).toBe(true)
  await app.byId('repair-apply').click()
  await app.byId('repair-result').waitFor()
}

/** In the scheme that it has, and in the other. */
async function expectNoBarriers() {
  for (const _ of ['one scheme', 'the other']) {
    expect(await app.violations()).toEqual([])
    await app.byId('theme-toggle').first().click()
  }
}

it('a repair in place is undone from its result', async () => {
  await repairInPlace()
  expect(readFileSync(backup)).toEqual(original)
  await app.byId('undo-repair').waitFor()
  await app.picture('repaired-in-place')
  await expectNoBarriers()
  await app.byId('undo-repair').focus()
  await app.page.keyboard.press('Enter')
  await expect.poll(() => app.byId('undo-repair').count()).toBe(0)
  expect(existsSync(backup)).toBe(false)
  expect(readFileSync(weights)).toEqual(original)
})

it('a checkpoint that was repaired in place earlier offers to undo it', async () => {
  await repairInPlace()
  await app.byId('undo-repair').waitFor()
  await app.close()
  app = await start([folder])
  await app.byId('nav-repair').click()
  await app.byId('undo-offer').waitFor()
  await app.picture('undo-offer')
  await expectNoBarriers()
  await app.byId('undo-repair').click()
  await expect.poll(() => app.byId('undo-offer').count()).toBe(0)
  expect(readFileSync(weights)).toEqual(original)
})

it('an original that was changed since is not put back, and the window says so', async () => {
  await repairInPlace()
  await app.byId('undo-repair').waitFor()
  const repaired = readFileSync(weights)
  appendFileSync(backup, 'x')
  await app.byId('undo-repair').click()
  await app.byId('error-panel').getByText('Nothing was undone').waitFor()
  expect(await app.byId('error-panel').textContent()).toContain('model.safetensors.backup has changed since the repair')
  expect(readFileSync(weights)).toEqual(repaired)
  await app.picture('undo-refused')
  await expectNoBarriers()
})
