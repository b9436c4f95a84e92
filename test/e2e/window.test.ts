import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type FixturePage, fixturePage } from './fixture-page'

let fixture: FixturePage
beforeAll(async () => {
  fixture = await fixturePage()
})
afterAll(() => fixture?.close())

const byId = (id: string) => fixture.page.getByTestId(id)
const press = (keys: string) => fixture.page.keyboard.press(keys)

const HUGE = '/data/huge/model'
const FLAT = '/data/flattened/checkpoint'
const LAST = '/data/runs/tiny-gpt2/checkpoint-30'

describe('a checkpoint of a hundred thousand tensors', () => {
  beforeAll(async () => {
    await fixture.load()
    await fixture.open(HUGE)
    await byId('verdict').waitFor()
    await byId('nav-tensors').click()
    await byId('tensor-count').filter({ hasText: '100,000 tensors' }).waitFor({ timeout: 60_000 })
  })

  it('is listed whole, of which only what is in sight exists', async () => {
    expect(await fixture.page.getByRole('grid').getAttribute('aria-rowcount')).toBe('100001')
    expect(await byId('tensor-row').count()).toBeLessThan(80)
  })

  it('scrolls to its very end', async () => {
    await fixture.page.getByRole('grid').focus()
    await press('End')
    await expect.poll(() => byId('tensor-row').last().getAttribute('aria-rowindex')).toBe('100001')
    await expect.poll(() => byId('tensor-detail').count()).toBe(1)
  })

  it('is searched by words, by glob and by regex, and a wrong one costs no results', async () => {
    const count = () => byId('tensor-count').textContent()
    await byId('tensor-search').fill('layers.7. q_proj')
    await expect.poll(count).toContain('1 of 100,000')
    await byId('tensor-search').fill('*.layers.7.self_attn.*')
    await expect.poll(count).toContain('4 of 100,000')
    await byId('tensor-search').fill('/layers\\.[78]\\.self_attn\\.[qk]_/')
    await expect.poll(count).toContain('4 of 100,000')
    await byId('tensor-search').fill('/layers.(/')
    await expect.poll(count).toContain('100,000 tensors')
    expect(await fixture.page.getByRole('alert').textContent()).toContain('Not a regular expression')
    await byId('tensor-search').press('Escape')
  })

  it('is narrowed by flag', async () => {
    await byId('tensor-filter').click()
    await byId('filter-flags-non-finite').click()
    await press('Escape')
    await expect.poll(() => byId('tensor-count').textContent()).toContain('13 of 100,000')
    expect(await byId('tensor-row').first().getByTestId('tensor-flag').first().textContent()).toBe('non-finite')
    await byId('tensor-filter').click()
    await byId('filter-flags-non-finite').click()
    await press('Escape')
  })

  it('finds any tensor by a few letters, whatever is filtered', async () => {
    await byId('tensor-search').fill('nothing is called this')
    await expect.poll(() => byId('tensor-row').count()).toBe(0)
    await press('Control+p')
    await fixture.page.getByLabel('Find a tensor').fill('layers.99.self v_proj')
    await fixture.page.getByText('model.layers.99.self_attn.v_proj.weight').first().waitFor()
    await press('Enter')
    const detail = byId('tensor-detail')
    await expect.poll(() => detail.getAttribute('data-name')).toBe('model.layers.99.self_attn.v_proj.weight')
    await expect.poll(() => byId('tensor-search').inputValue()).toBe('')
  })

  it('shows hostile names as they are and lets them do nothing', async () => {
    for (const [sought, shown] of [
      ['onerror', '<img src=x onerror=alert(1)>.weight'],
      ['next line', '\\x1b[31mred\\x1b[0m\\nnext line'],
      ['gnp', 'model.U+202Egnp.weightU+202C'],
    ] as const) {
      await byId('tensor-search').fill(sought)
      const name = byId('tensor-row').first().locator('[data-column=name]')
      await expect.poll(() => name.textContent()).toBe(shown)
      expect(await byId('tensor-row').count()).toBe(1)
    }
    expect(await fixture.page.locator('img[src=x]').count()).toBe(0)
  })
})

describe('long work', () => {
  beforeEach(async () => {
    await fixture.load({ step: 300 })
    await fixture.open(FLAT)
    await byId('verify-deep').click()
    await byId('job').waitFor()
  })

  it('goes on while one looks elsewhere, and its verdict is there on return', async () => {
    await press('2')
    await byId('tensor-row').first().waitFor()
    await expect.poll(() => byId('job').count(), { timeout: 20_000 }).toBe(0)
    await press('1')
    await byId('verified-deep').waitFor()
  })

  it('is cancelled by its button', async () => {
    await byId('job-cancel').click()
    await expect.poll(() => byId('job').count()).toBe(0)
    await fixture.page.getByText('Cancelled. So far this rests on names and shapes.').waitFor()
  })

  it('is cancelled by Esc', async () => {
    await press('Escape')
    await fixture.page.getByText('Cancelled. So far this rests on names and shapes.').waitFor()
  })

  it('survives the death of its engine: says so, opens the checkpoint again, and can be tried again', async () => {
    await fixture.restartEngine()
    await fixture.page.getByText('The engine stopped and was started again.').waitFor()
    await expect.poll(() => byId('job').count()).toBe(0)
    await byId('verify-deep').click()
    await byId('verified-deep').waitFor({ timeout: 20_000 })
  })
})

describe('the plan of a repair', () => {
  beforeAll(async () => {
    await fixture.load({ plan: 300 })
    await fixture.open(FLAT)
    await byId('nav-repair').click()
  })

  it('tells what is wrong at once, and how far and how fast it is made', async () => {
    await fixture.page.getByText('Weights: flattened ×').waitFor()
    await byId('repair-planning-job').getByText('/s').waitFor()
    expect(await byId('repair-plan-step').count()).toBe(0)
  })

  it('is cancelled by Esc', async () => {
    await press('Escape')
    await fixture.page.getByText('Cancelled: there is no plan.').waitFor()
    expect(await byId('job').count()).toBe(0)
    expect(await byId('error-panel').count()).toBe(0)
  })

  it('is made on demand after that, while one looks elsewhere', async () => {
    await byId('repair-planning-retry').click()
    await byId('repair-planning-job').waitFor()
    await byId('nav-tensors').click()
    await byId('tensor-row').first().waitFor()
    await expect.poll(() => byId('job').count(), { timeout: 20_000 }).toBe(0)
    await byId('nav-repair').click()
    await expect.poll(() => byId('repair-plan-step').count()).toBe(4)
  })

  it('stays in sight while what a shape makes of it is worked out, and where that is cancelled by its button', async () => {
    await byId('repair-shape').fill('64, 1280')
    await byId('repair-shape').press('Enter')
    await byId('repair-planning-job').getByRole('button', { name: 'Cancel' }).click()
    await fixture.page.getByText('Cancelled: what comes of it was not worked out.').waitFor()
    expect(await byId('repair-plan-step').count()).toBe(4)
    expect(await byId('repair-apply').isDisabled()).toBe(true)
    await byId('repair-planning-retry').click()
    await expect.poll(() => byId('repair-apply').isEnabled(), { timeout: 20_000 }).toBe(true)
  })
})

describe('a preview of an export', () => {
  beforeAll(async () => {
    await fixture.load({ step: 300 })
    await fixture.open(FLAT)
    await byId('nav-repair').click()
    await byId('tab-export').click()
    await byId('export-dtype').click()
    await fixture.page.getByRole('option', { name: 'float16', exact: true }).click()
  })

  it('tells how far and how fast it is, and is cancelled by its button', async () => {
    await byId('export-preview-job').getByText('/s').waitFor()
    await byId('export-preview-job').getByRole('button', { name: 'Cancel' }).click()
    await fixture.page.getByText('Cancelled: what would be written was not worked out.').waitFor()
    expect(await byId('job').count()).toBe(0)
  })

  it('is worked out on demand after that', async () => {
    await byId('export-preview-retry').click()
    await byId('export-preview').waitFor({ timeout: 20_000 })
    expect(await byId('export-preview').textContent()).toContain('Nothing is written yet')
  })
})

describe('the keyboard', () => {
  beforeAll(async () => {
    await fixture.load()
    await fixture.open(LAST)
    await byId('verdict').waitFor()
  })

  it('reaches every view by its number', async () => {
    for (const [key, view] of [
      ['2', 'tensors'],
      ['3', 'training'],
      ['4', 'compare'],
      ['5', 'repair'],
      ['1', 'overview'],
    ] as const) {
      await press(key)
      await expect.poll(() => byId(`nav-${view}`).getAttribute('aria-current')).toBe('page')
    }
  })

  it('finds commands by name', async () => {
    await press('Control+k')
    await fixture.page.getByLabel('Find a command').fill('tensors')
    await press('Enter')
    await expect.poll(() => byId('nav-tensors').getAttribute('aria-current')).toBe('page')
  })

  it('walks the tree and chooses in it', async () => {
    await fixture.page.getByRole('tree').focus()
    await press('Home')
    await press('ArrowRight')
    const active = async () => {
      const id = await fixture.page.getByRole('tree').getAttribute('aria-activedescendant')
      return fixture.page.locator(`[id="${id}"]`).getAttribute('aria-level')
    }
    await expect.poll(active).toBe('2')
    // Once to close the module, once more to go to the one above.
    await press('ArrowLeft')
    await press('ArrowLeft')
    await expect.poll(active).toBe('1')
  })

  it('leaves a text field alone: digits typed there are text', async () => {
    await press('/')
    await fixture.page.keyboard.type('h.1')
    expect(await byId('tensor-search').inputValue()).toBe('h.1')
    expect(await byId('nav-tensors').getAttribute('aria-current')).toBe('page')
    await press('Escape')
    await press('Escape')
    await press('3')
    await expect.poll(() => byId('nav-training').getAttribute('aria-current')).toBe('page')
  })

  it('steps from difference to difference', async () => {
    await press('4')
    await byId('compare-choose').click()
    await byId('compare-sibling').first().click()
    await byId('compare-run').click()
    await byId('diff-row').first().waitFor()
    const verdict = () => byId('compare-verdict').textContent()
    await expect.poll(verdict, { timeout: 20_000 }).not.toContain('so far')
    const chosen = () => fixture.page.locator('[data-testid=diff-row][aria-selected=true]').getAttribute('data-name')
    await press('.')
    await press('.')
    const second = await byId('diff-row').nth(1).getAttribute('data-name')
    await expect.poll(chosen).toBe(second)
    await press(',')
    const first = await byId('diff-row').first().getAttribute('data-name')
    await expect.poll(chosen).toBe(first)
  })

  it('shows all of itself on a question mark', async () => {
    await press('Shift+?')
    await byId('shortcuts-sheet').waitFor()
    await press('Escape')
    await expect.poll(() => byId('shortcuts-sheet').count()).toBe(0)
  })
})

describe('the charts', () => {
  beforeAll(async () => {
    await fixture.load()
    await fixture.open(LAST)
    await byId('verdict').waitFor()
    await byId('nav-training').click()
    await byId('chart-loss').locator('svg path.recharts-line-curve').first().waitFor()
  })

  it('can be read as tables', async () => {
    await byId('chart-loss').getByRole('button', { name: 'Loss as a table' }).click()
    const row = byId('chart-loss').getByRole('row').nth(1)
    expect(await row.textContent()).toContain('3.91261')
    await byId('chart-loss').getByRole('button', { name: 'Loss as a chart' }).click()
  })

  it('are zoomed by keys, all together, and shown whole again', async () => {
    const shown = () => byId('chart-loss').locator('.recharts-cartesian-axis-tick-value').allTextContents()
    const whole = await shown()
    await press('=')
    await byId('zoom-reset').first().waitFor()
    expect(await byId('zoom-reset').count()).toBeGreaterThan(1)
    expect(await shown()).not.toEqual(whole)
    await press('0')
    await expect.poll(() => byId('zoom-reset').count()).toBe(0)
    await expect.poll(shown).toEqual(whole)
  })

  it('are zoomed by the handles below them', async () => {
    await fixture.page.getByRole('slider', { name: 'First step shown' }).focus()
    for (let i = 0; i < 5; i++) await press('ArrowRight')
    await byId('zoom-reset').first().waitFor()
    await press('0')
    await expect.poll(() => byId('zoom-reset').count()).toBe(0)
  })

  it('keep the raw line in sight behind the smoothed one', async () => {
    const lines = byId('chart-loss').locator('svg path.recharts-line-curve')
    expect(await lines.count()).toBe(2)
    await fixture.page.getByRole('slider', { name: 'Smoothing' }).focus()
    for (let i = 0; i < 5; i++) await press('ArrowRight')
    await expect.poll(() => lines.count()).toBe(3)
  })
})
