import { existsSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

const out = join(mkdtempSync(join(tmpdir(), 'assay-e2e-')), 'edited.pt')
let app: App
beforeAll(async () => {
  app = await start([goldenPath('trainer-gpt2')])
  await app.byId('nav-repair').click()
  await app.byId('tab-export').click()
  await app.byId('export-out').fill(out)
  await app.byId('edits').focus()
  await app.page.keyboard.press('Enter')
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

const preview = () => app.byId('export-preview').textContent()

it('the name of the target sets the format', async () => {
  await expect.poll(() => app.page.getByRole('radio', { name: 'PyTorch (.pt)' }).isChecked()).toBe(true)
})

it('what edits would do is shown before anything is written', async () => {
  await app.byId('edit-keep').fill('transformer.h.0.*')
  await app.byId('edit-drop').fill('*.bias')
  await app.byId('edit-stripPrefix').fill('transformer.')
  await app.byId('edit-add-rename').click()
  await app.byId('edit-rename').fill('^h\\.(\\d+)')
  await app.byId('edit-rename-to').fill('layer.$1')
  await expect.poll(preview).toContain('layer.0.attn.c_attn.weight')
  expect(await preview()).toContain('dropped')
  expect(existsSync(out)).toBe(false)
  expect(await app.violations()).toEqual([])
  await app.picture('export-edits')
  await app.byId('theme-toggle').first().click()
  await app.picture('export-edits-other')
})

it('a wrong pattern is told at its field, and nothing can be exported meanwhile', async () => {
  await app.byId('edit-rename').fill('(')
  await app.page.getByText('( is no regular expression').waitFor()
  await expect.poll(() => app.byId('edit-rename').getAttribute('aria-invalid')).toBe('true')
  expect(await app.byId('export-run').isDisabled()).toBe(true)
  await app.picture('export-edits-error')
  await app.byId('edit-rename').fill('^h')
  await app.byId('edit-rename-to').fill('block')
  await expect.poll(preview).toContain('block.0.attn.c_attn.weight')
})

it('what is written has the names that were shown', async () => {
  await app.byId('export-run').click()
  await app.byId('export-result').waitFor()
  await app.open(out)
  await app.byId('nav-tensors').click()
  const names = () => app.byId('tensor-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-name')))
  await expect.poll(names).toContain('block.0.attn.c_attn.weight')
  expect((await names()).every((name) => name?.startsWith('block.0.') && !name.endsWith('.bias'))).toBe(true)
})

it('an adapter is merged into its base', async () => {
  await app.open(goldenPath('trainer-lora'))
  await app.byId('nav-repair').click()
  await app.byId('tab-export').click()
  await app.page.getByText('Merged into its base').click()
  await app.byId('edit-base').fill('/there/is/no/base')
  await expect.poll(() => app.byId('edit-base').getAttribute('aria-invalid')).toBe('true')
  await app.byId('edit-base').fill(goldenPath('trainer-lora', 'data/base'))
  await expect.poll(preview).toContain('with the adapter')
  await app.picture('export-merge')
})
