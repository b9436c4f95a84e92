import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

/** Three checkpoints: one whole, one without its scheduler, one cut off while it was written. */
describe('the timeline of a run', () => {
  const run = mkdtempSync(join(tmpdir(), 'assay-run-'))
  let app: App
  beforeAll(async () => {
    cpSync(goldenPath('trainer-gpt2', 'data'), run, { recursive: true })
    rmSync(join(run, 'checkpoint-20/scheduler.pt'))
    const weights = join(run, 'checkpoint-30/model.safetensors')
    writeFileSync(weights, readFileSync(weights).subarray(0, -1000))
    app = await start([run])
    await app.byId('chart-run').waitFor()
  })
  afterAll(async () => {
    await app?.close()
    rmSync(run, { recursive: true, force: true })
    expect(app?.complaints).toEqual([])
  })

  const verdicts = (id: string) =>
    app.byId(id).evaluateAll((elements) => elements.map((element) => element.getAttribute('data-verdict')))

  it('marks every checkpoint on the loss by its verdict', async () => {
    await expect.poll(() => verdicts('run-mark')).toEqual(['complete', 'partial', 'broken'])
    const shapes = await app.byId('run-mark').evaluateAll((marks) => marks.map((mark) => mark.getAttribute('d')))
    expect(new Set(shapes).size).toBe(3)
    expect(await app.byId('chart-run').locator('path.recharts-curve').count()).toBeGreaterThan(0)
  })

  it('lists them newest first, with what is missing and the last to trust', async () => {
    expect(await verdicts('run-row')).toEqual(['broken', 'partial', 'complete'])
    expect(await app.byId('run-row').nth(1).textContent()).toContain('Scheduler')
    expect(await app.byId('run-row').nth(2).getByTestId('last-good').count()).toBe(1)
  })

  it.each(['light', 'dark'] as const)('has no barriers in %s', async (colorScheme) => {
    await app.page.emulateMedia({ colorScheme })
    await app.page.mouse.move(0, 0)
    await app.picture(`timeline-${colorScheme}`)
    const { violations } = await new AxeBuilder({ page: app.page }).setLegacyMode().analyze()
    expect(violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))).toEqual([])
  })

  it('zooms by keys and is shown whole again', async () => {
    await app.page.keyboard.press('=')
    await app.byId('zoom-reset').waitFor()
    await app.page.keyboard.press('0')
    await expect.poll(() => app.byId('zoom-reset').count()).toBe(0)
  })

  it('keeps a chart as a picture', async () => {
    const picture = join(run, 'loss.png')
    await app.electron.evaluate(({ session }, path) => {
      session.defaultSession.once('will-download', (_event, item) => item.setSavePath(path))
    }, picture)
    await app.byId('chart-run').getByRole('button', { name: 'Save loss as PNG' }).click()
    await expect
      .poll(() => (existsSync(picture) ? statSync(picture).size : 0), { timeout: 15_000 })
      .toBeGreaterThan(5000)
    expect(readFileSync(picture).subarray(1, 4).toString('latin1')).toBe('PNG')
  })

  it('is walked by the arrows', async () => {
    await app.byId('open-checkpoint').first().focus()
    await app.page.keyboard.press('ArrowDown')
    const focused = () => app.page.evaluate<string>('document.activeElement.textContent')
    await expect.poll(focused).toBe('checkpoint-20')
    await app.page.keyboard.press('End')
    await expect.poll(focused).toBe('checkpoint-10')
  })

  it('opens a checkpoint by its row', async () => {
    // In its middle, far from the name.
    await app.byId('run-row').nth(2).click()
    await expect.poll(() => app.byId('verdict').textContent()).toContain('Complete')
  })

  it('compares it with another of the run at one press', async () => {
    await app.byId('nav-compare').click()
    await app.byId('compare-offer').filter({ hasText: 'checkpoint-20' }).click()
    await app.byId('compare-summary-changed').waitFor()
  })
})
