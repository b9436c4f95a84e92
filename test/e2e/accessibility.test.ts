import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

let app: App
beforeAll(async () => {
  app = await start()
})
afterAll(() => app?.close())

const scheme = () => app.page.locator('html').getAttribute('data-mantine-color-scheme')

describe.each(['light', 'dark'])('in %s', (wanted) => {
  it('the page changes its colours', async () => {
    if ((await scheme()) !== wanted) await app.byId('theme-toggle').first().click()
    await expect.poll(scheme).toBe(wanted)
  })

  const check = async (name: string) => {
    expect(await app.violations()).toEqual([])
    await app.picture(`${name}-${wanted}`)
  }

  it('the welcome page has no barriers', async () => {
    await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.send('assay:command', 'close'),
    )
    await app.byId('open-sample').waitFor()
    await check('welcome')
  })

  it('the list of a run has none', async () => {
    await app.open(goldenPath('trainer-gpt2', 'data'))
    await app.byId('run-row').first().waitFor()
    await check('run')
  })

  it.each(['overview', 'tensors', 'training', 'compare', 'repair'])('the view %s has none', async (view) => {
    await app.open(goldenPath('trainer-gpt2'))
    await app.byId(`nav-${view}`).click()
    if (view === 'tensors') {
      await app.byId('tensor-row').first().click()
      await app.byId('tensor-detail').waitFor()
    }
    if (view === 'training') {
      await app.byId('chart-loss').waitFor()
      const whose = await app.page.getByRole('radiogroup', { name: 'Whose history' }).boundingBox()
      expect(whose?.height).toBeGreaterThan(20)
    }
    if (view === 'compare') {
      await app.byId('compare-choose').click()
      await app.byId('compare-sibling').first().click()
      await app.byId('compare-run').click()
      await app.byId('compare-summary-changed').waitFor()
    }
    await check(view)
  })

  it('the plan of a repair has none', async () => {
    await app.open(goldenPath('flattened'))
    await expect.poll(() => app.byId('verdict').textContent()).toContain('Broken')
    await check('overview-broken')
    await app.byId('nav-repair').click()
    await app.byId('tab-repair').click()
    await app.byId('repair-plan-step').first().waitFor()
    await check('repair-plan')
    await app.byId('tab-export').click()
    await app.byId('export-run').waitFor()
    await check('export')
  })

  it('an error has none', async () => {
    await app.ask('/there/is/nothing')
    await app.byId('error-panel').waitFor()
    await check('error')
  })
})
