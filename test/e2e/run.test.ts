import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
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
