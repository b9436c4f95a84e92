import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goldenPath, truthOf } from '../golden/cases'
import { type App, start } from './app'
import { loadedByPython, python } from './python'

/** The way from a broken checkpoint to one that PyTorch loads, in one window. */
describe('a flattened checkpoint in the window', () => {
  const room = mkdtempSync(join(tmpdir(), 'assay-e2e-'))
  const mended = join(room, 'mended')
  let app: App
  beforeAll(async () => {
    app = await start([goldenPath('flattened')])
  })
  afterAll(async () => {
    await app?.close()
    expect(app?.complaints).toEqual([])
  })

  it('opens from the command line with its verdict, components and findings', async () => {
    await app.byId('verdict').waitFor()
    expect(await app.byId('verdict').textContent()).toContain('Broken')
    expect(await app.byId('component-weights').getAttribute('data-status')).toBe('damaged')
    expect(await app.byId('component-config').getAttribute('data-status')).toBe('present')
    expect(await app.page.locator('[data-testid=finding][data-rule="weights/flattened"]').count()).toBeGreaterThan(0)
  })

  it('flags the flattened tensors in the table and shows the details of one', async () => {
    await app.byId('nav-tensors').click()
    const row = app.page.locator('[data-testid=tensor-row][data-name="model.encoder.conv1.weight"]')
    await row.waitFor()
    expect(await row.getByTestId('tensor-flag').allTextContents()).toContain('flattened')
    await app.byId('tensor-search').fill('layer_norm')
    await expect.poll(() => app.byId('tensor-row').count()).toBe(2)
    await app.byId('tensor-row').first().click()
    await expect.poll(() => app.byId('tensor-detail').textContent()).toContain('layer_norm')
    await app.byId('tensor-search').fill('')
  })

  it('plans the repair from a reference and writes a mended copy', async () => {
    await app.byId('nav-repair').click()
    await app.byId('repair-reference').fill(goldenPath('flattened', 'data/reference'))
    const steps = app.page.locator('[data-testid=repair-plan-step][data-kind=reshape]')
    await expect.poll(() => steps.count()).toBe(4)
    await app.byId('repair-out').fill(mended)
    await expect.poll(() => app.byId('repair-apply').isEnabled()).toBe(true)
    await app.byId('repair-apply').click()
    await app.byId('repair-result').waitFor()
    expect(await app.byId('repair-result').getAttribute('data-applied')).toBe('true')
    expect(await app.byId('repair-result').getAttribute('data-verdict')).not.toBe('broken')
  })

  it.each(['safetensors', 'pt'])(
    'exports the mended copy as .%s, which Python loads with every value as it should be',
    async (extension) => {
      const out = join(room, `export.${extension}`)
      await app.open(mended)
      await app.byId('nav-repair').click()
      await app.byId('tab-export').click()
      if (extension === 'pt') await app.page.getByText('PyTorch (.pt)').click()
      await app.byId('export-out').fill(out)
      await app.byId('export-run').click()
      await app.byId('export-result').waitFor()
      if (!python) return
      const truth = (truthOf('flattened').repaired ?? []).map(({ name, dtype, shape, sha256 }) => [
        name,
        { dtype, shape, sha256 },
      ])
      expect(loadedByPython(out)).toEqual(Object.fromEntries(truth))
    },
  )
})

describe('a run in the window', () => {
  let app: App
  beforeAll(async () => {
    app = await start()
  })
  afterAll(async () => {
    await app?.close()
    expect(app?.complaints).toEqual([])
  })

  it('opens from the dialog with a row for each checkpoint', async () => {
    await app.answerDialogs(goldenPath('trainer-gpt2', 'data'))
    await app.byId('open-folder').first().click()
    await expect.poll(() => app.byId('run-row').count()).toBe(3)
    const verdicts = app.byId('run-row').evaluateAll((rows) => rows.map((row) => row.getAttribute('data-verdict')))
    expect(await verdicts).toEqual(['complete', 'complete', 'complete'])
  })

  it('draws the loss and the learning rate of one of them', async () => {
    await app.byId('open-checkpoint').first().click()
    await app.byId('nav-training').click()
    for (const chart of ['chart-loss', 'chart-lr']) {
      await app.byId(chart).waitFor()
      await expect.poll(() => app.byId(chart).locator('path.recharts-curve').count()).toBeGreaterThan(0)
    }
  })

  it('compares it with an earlier one of the run', async () => {
    await app.byId('nav-compare').click()
    await app.byId('compare-choose').click()
    await app.byId('compare-sibling').filter({ hasText: 'checkpoint-20' }).click()
    await app.byId('compare-run').click()
    await app.byId('compare-summary-changed').waitFor()
    expect(await app.page.locator('[data-testid=diff-row][data-status=changed]').count()).toBeGreaterThan(0)
  })

  it('remembers what it opened', async () => {
    const paths = await app.page.evaluate<string[]>('window.assay.recent()')
    expect(paths).toContain(goldenPath('trainer-gpt2', 'data'))
  })
})
