import { AxeBuilder } from '@axe-core/playwright'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

let app: App
beforeAll(async () => {
  app = await start([goldenPath('trainer-gpt2')])
  await app.byId('nav-compare').click()
  await app.byId('compare-choose').click()
  await app.byId('compare-sibling').first().click()
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

const changed = () => app.page.locator('[data-testid=diff-row][data-status=changed]').count()

it('differences within a tolerance count as none', async () => {
  await app.byId('compare-run').click()
  await expect.poll(changed).toBeGreaterThan(0)
  await app.byId('compare-options').focus()
  await app.page.keyboard.press('Enter')
  await app.byId('compare-atol').fill('1e9')
  const { violations } = await new AxeBuilder({ page: app.page }).setLegacyMode().analyze()
  expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))).toEqual([])
  await app.picture('compare-options')
  await app.page.keyboard.press('Escape')
  await app.byId('compare-run').click()
  await expect.poll(changed).toBe(0)
})

it('a line that renames nothing is told at its field, and nothing is compared meanwhile', async () => {
  await app.byId('compare-options').click()
  await app.byId('compare-rename').fill('transformer.')
  await app.page.getByText('No pair of names: transformer.').waitFor()
  expect(await app.byId('compare-run').isDisabled()).toBe(true)
  await app.picture('compare-options-error')
  await app.byId('compare-rename').fill('')
  await app.byId('compare-atol').fill('')
  await app.page.keyboard.press('Escape')
})

it('what a conclusion speaks of is listed when it is pressed, and a flattened tensor beside its shape', async () => {
  await app.open(goldenPath('flattened'))
  await app.byId('nav-compare').click()
  await app.answerDialogs(goldenPath('flattened', 'data/reference'))
  await app.byId('compare-choose').click()
  await app.byId('compare-folder').click()
  await app.byId('compare-run').click()
  await app.byId('compare-unchanged').click()
  const rows = app.byId('diff-row')
  await expect.poll(() => rows.count()).toBe(9)
  await app.byId('conclusion').getByText('flattened in checkpoint').click()
  await expect.poll(() => rows.count()).toBe(4)
  await rows.first().click()
  await app.page.getByText('value after value, shapes aside').waitFor()
  expect(await app.violations()).toEqual([])
  await app.picture('compare-conclusion')
  await app.byId('conclusion').click()
  await expect.poll(() => rows.count()).toBe(9)
})
