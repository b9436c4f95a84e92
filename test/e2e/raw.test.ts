import { AxeBuilder } from '@axe-core/playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

let app: App
beforeAll(async () => {
  app = await start([goldenPath('dictconfig', 'data/checkpoint.pt')])
  await app.byId('nav-raw').click()
  await node('config').waitFor()
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

const node = (key: string) => app.page.locator(`[data-testid=raw-node][data-key="${key}"]`)
const refusal = (name: string) => app.byId('raw-refusal').filter({ hasText: name })

describe('the Raw view of a pickle with a DictConfig in it', () => {
  it('opens at the root, one level deep', async () => {
    expect(await app.byId('raw-node').evaluateAll((rows) => rows.map((row) => row.getAttribute('aria-level')))).toEqual(
      ['1', ...Array.from({ length: 11 }, () => '2')],
    )
  })

  it('names the global that blocks weights_only first, and the lines that would admit it', async () => {
    expect(await app.byId('raw-refusal').first().textContent()).toContain('omegaconf.dictconfig.DictConfig')
    expect(await app.byId('raw-admit').textContent()).toMatch(/add_safe_globals\(\[omegaconf\.dictconfig\.DictConfig/)
    const verdicts = await app.byId('raw-import').evaluateAll((rows) => rows.map((row) => row.dataset.verdict))
    expect(new Set(verdicts)).not.toContain('dangerous')
  })

  it('leads to where it is refused, and shows the config there as plain values', async () => {
    await refusal('omegaconf.listconfig.ListConfig').getByRole('button').click()
    await expect.poll(() => node('betas').getAttribute('aria-selected')).toBe('true')
    expect(await node('config').textContent()).toContain('refused')
    expect(await node('lr').getAttribute('data-kind')).toBe('float')
    expect(await node('_metadata').count()).toBe(0)
    expect(await node('_content').count()).toBe(0)
  })

  it('is walked with the arrow keys', async () => {
    await app.page.getByRole('tree', { name: 'Objects' }).focus()
    for (const key of ['Home', 'ArrowDown', 'ArrowRight', 'ArrowRight']) await app.page.keyboard.press(key)
    const active = app.page.locator('[data-testid=raw-node][data-active=true]')
    await expect.poll(() => active.getAttribute('data-kind')).toBe('tensor')
    expect(await active.getAttribute('aria-level')).toBe('3')
    for (const key of ['ArrowLeft', 'ArrowLeft']) await app.page.keyboard.press(key)
    await expect.poll(() => active.getAttribute('aria-expanded')).toBe('false')
  })

  it.each(['light', 'dark'] as const)('has no barriers in %s', async (colorScheme) => {
    await app.page.emulateMedia({ colorScheme })
    await app.picture(`raw-${colorScheme}`)
    const { violations } = await new AxeBuilder({ page: app.page }).setLegacyMode().analyze()
    expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))).toEqual([])
  })
})

it('says of a pickle that would run a command that it must not be loaded, and offers no way to admit it', async () => {
  await app.open(goldenPath('hostile-torch-zip', 'data/pytorch_model.bin'))
  await app.byId('nav-raw').click()
  await app.page.locator('[data-testid=raw-import][data-verdict=dangerous]').first().waitFor()
  await app.page.getByText('Must not be loaded').waitFor()
  expect(await app.byId('raw-admit').count()).toBe(0)
})

it('shows the code of a script as text, and the trees of all files of an archive', async () => {
  await app.open(goldenPath('torch-zoo-traced'))
  await app.byId('nav-raw').click()
  await app.byId('raw-text-name').filter({ hasText: '__torch__.py' }).first().click()
  await expect.poll(() => app.byId('raw-text').textContent()).toContain('def forward(self')
  await app.picture('raw-text')
  await app.open(goldenPath('torch-zoo-state-archive'))
  await app.byId('nav-raw').click()
  await app.byId('raw-file').filter({ hasText: 'policy.optimizer.pth' }).click()
  await node('param_groups').waitFor()
})

it('says of a checkpoint without pickles that it holds no objects', async () => {
  await app.open(goldenPath('damaged-healthy-st', 'data/model.safetensors'))
  await app.byId('nav-raw').click()
  await app.page.getByText('There are no pickled objects here').waitFor()
})
