import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { goldenPath } from '../golden/cases'
import { type App, start } from './app'

const room = mkdtempSync(join(tmpdir(), 'assay-e2e-'))
let app: App
beforeAll(async () => {
  app = await start()
})
afterAll(async () => {
  await app?.close()
  expect(app?.complaints).toEqual([])
})

const press = (keys: string) => app.page.keyboard.press(keys)
const step = (subject: string) => app.page.locator(`[data-testid=repair-plan-step][data-subject="${subject}"]`)
const summary = () => app.byId('repair-summary').textContent()

/** Goes from part to part with Tab until one is reached that fits a selector. */
async function tabTo(selector: string): Promise<void> {
  for (let i = 0; i < 80; i++) {
    await press('Tab')
    if (await app.page.evaluate(`document.activeElement?.matches(${JSON.stringify(selector)})`)) return
  }
  throw new Error(`Tab does not reach ${selector}`)
}

/** In the scheme that it has, and in the other. */
async function expectNoBarriers(): Promise<void> {
  for (const _ of ['one scheme', 'the other']) {
    expect(await app.violations()).toEqual([])
    await app.byId('theme-toggle').first().click()
  }
}

describe('a flattened checkpoint without its config, by keyboard alone', () => {
  const folder = join(room, 'checkpoint')
  const weights = join(folder, 'model.safetensors')
  let original: Buffer
  beforeAll(async () => {
    cpSync(goldenPath('flattened', 'data/checkpoint'), folder, { recursive: true })
    rmSync(join(folder, 'config.json'))
    original = readFileSync(weights)
    await app.open(folder)
    await press('5')
    await app.byId('repair-plan-step').first().waitFor()
  })

  it('asks for the shapes that only a bias speaks of', async () => {
    expect(await summary()).toContain('3 need you')
    expect(await app.byId('repair-apply').isDisabled()).toBe(true)
  })

  it('says of a shape that was typed wrong, and of one that does not fit, what is wrong', async () => {
    await tabTo('[data-testid=repair-shape][aria-label$="conv1.weight"]')
    await app.page.keyboard.type('1280 by 128')
    await app.page.getByText('Numbers with commas between them').waitFor()
    await press('Control+a')
    await app.page.keyboard.type('1280, 128, 4')
    await press('Enter')
    await app.page
      .getByText(/1280.*128.*4.*655360|655360.*491520/)
      .first()
      .waitFor()
    expect(await app.byId('repair-apply').isDisabled()).toBe(true)
    await expectNoBarriers()
    await app.picture('repair-shape-error')
  })

  it('takes the shape that was typed', async () => {
    await app.byId('repair-shape').first().focus()
    await press('Control+a')
    await app.page.keyboard.type('1280x128x3')
    await press('Enter')
    await expect.poll(() => step('model.encoder.conv1.weight').getAttribute('data-confidence')).toBe('certain')
    await expect.poll(summary).toContain('1 step will be done, 2 need you')
  })

  it('takes the shape that was chosen, and leaves a step undone that was refused', async () => {
    await tabTo('[data-subject$="fc1.weight"] input[type=radio]')
    await press('Space')
    await expect.poll(summary).toContain('2 steps will be done, 1 needs you')
    await tabTo('[data-subject$="fc2.weight"] input[type=radio]')
    await press('Space')
    await expect.poll(summary).toContain('3 steps will be done')
    await step('model.encoder.layers.0.fc1.weight').focus()
    await tabTo('[data-subject$="fc1.weight"] input[type=checkbox]')
    await press('Space')
    await expect.poll(summary).toContain('2 steps will be done, 1 needs you')
  })

  it('is repaired in place', async () => {
    await tabTo('input[type=radio][value="copy"]')
    await press('ArrowRight')
    await expect.poll(() => app.byId('repair-apply').textContent()).toBe('Repair in place')
    await tabTo('[data-testid=repair-apply]')
    await press('Enter')
    await app.byId('repair-result').waitFor()
    expect(await app.byId('repair-changes').getByRole('row').count()).toBe(3)
    expect(readFileSync(`${weights}.backup`)).toEqual(original)
    expect(readFileSync(weights)).not.toEqual(original)
    await app.picture('repair-keyboard')
  })

  it('is put back as it was', async () => {
    await app.byId('undo-repair').waitFor()
    await tabTo('[data-testid=undo-repair]')
    await press('Enter')
    await expect.poll(() => app.byId('undo-repair').count()).toBe(0)
    expect(existsSync(`${weights}.backup`)).toBe(false)
    expect(readFileSync(weights)).toEqual(original)
  })
})

describe('a plan in a file', () => {
  const folder = join(room, 'planned')
  const place = join(room, 'plan.json')
  const NAMES = ['conv1', 'layers.0.fc1', 'layers.0.fc2'].map((name) => `model.encoder.${name}.weight`)
  const loaded = () => app.byId('loaded-plan').textContent()
  const asked = () => app.byId('repair-plan-step').first().waitFor()

  beforeAll(async () => {
    cpSync(goldenPath('flattened', 'data/checkpoint'), folder, { recursive: true })
    rmSync(join(folder, 'config.json'))
    await app.open(folder)
    await press('5')
    await asked()
  })

  it('is saved with all that was answered', async () => {
    await tabTo('[data-testid=repair-shape][aria-label$="conv1.weight"]')
    await app.page.keyboard.type('1280x128x3')
    await press('Enter')
    await expect.poll(summary).toContain('1 step will be done')
    await step(NAMES[1] as string)
      .getByRole('radio')
      .first()
      .check()
    await expect.poll(summary).toContain('2 steps will be done')
    await app.electron.evaluate(({ session }, target) => {
      session.defaultSession.once('will-download', (_event, item) => item.setSavePath(target))
    }, place)
    await app.byId('plan-save').click()
    await expect.poll(() => existsSync(place) && readFileSync(place, 'utf8').endsWith('}\n')).toBe(true)
    const { plan } = JSON.parse(readFileSync(place, 'utf8'))
    expect(plan.map(({ shape, chosen }: { shape?: number[]; chosen?: string }) => shape ?? chosen)).toEqual([
      [1280, 128, 3],
      expect.any(String),
      undefined,
    ])
  })

  it('is loaded with the button, and its answers can be taken back', async () => {
    await app.open(goldenPath('flattened'))
    await app.open(folder)
    await press('5')
    await asked()
    expect(await summary()).toContain('3 need you')
    await app.answerDialogs(place)
    await tabTo('[data-testid=plan-load]')
    await press('Enter')
    await expect.poll(loaded).toContain('2 answers were taken, and all of it fits')
    await expect.poll(summary).toContain('2 steps will be done, 1 needs you')
    await expectNoBarriers()
    await app.byId('loaded-plan-back').click()
    await expect.poll(summary).toContain('3 need you')
  })

  it('is loaded from the palette; what does not fit is told and the rest is taken', async () => {
    const { plan, ...rest } = JSON.parse(readFileSync(place, 'utf8'))
    const edited = plan.map((each: { subject: string }) =>
      each.subject === NAMES[1] ? { ...each, chosen: '7,7' } : each,
    )
    writeFileSync(place, JSON.stringify({ ...rest, plan: [...edited, { step: 9, subject: 'gone.weight' }] }))
    await press('1')
    await press('Control+k')
    await app.page.keyboard.type('load a repair plan')
    await press('Enter')
    await expect.poll(loaded).toContain('1 answer was taken; what it says in 2 places does not fit any more')
    expect(await loaded()).toContain('has no choice 7,7')
    expect(await loaded()).toContain('no step 9 about gone.weight')
    await expect.poll(summary).toContain('1 step will be done, 2 need you')
    await expectNoBarriers()
    await app.picture('repair-loaded-plan')
  })

  it('is loaded when it is opened or dropped; without a checkpoint it says what is missing', async () => {
    await app.byId('loaded-plan-back').click()
    await press('1')
    await app.ask(place)
    await expect.poll(loaded).toContain('1 answer was taken')
    writeFileSync(place, '{"plan": "none"}')
    await app.byId('plan-load').click()
    await app.page.getByText('is no plan of a repair').waitFor()
    await app.page.getByRole('button', { name: 'Dismiss' }).click()
    expect(await app.byId('error-panel').count()).toBe(0)
    writeFileSync(place, '{"plan": []}')
    await app.electron.evaluate(({ BrowserWindow }) =>
      BrowserWindow.getAllWindows()[0]?.webContents.send('assay:command', 'close'),
    )
    await app.byId('open-sample').waitFor()
    await app.ask(place)
    await app.page.getByText('is the plan of a repair').waitFor()
    await app.page.getByRole('button', { name: 'Welcome page' }).click()
  })
})

describe('a checkpoint that another number of processes is to resume from', () => {
  it('gets a file of random states for each of them', async () => {
    const out = join(room, 'resharded')
    await app.open(goldenPath('accelerate-ddp2-rng1-missing', 'data/checkpoints/checkpoint_2'))
    await app.byId('nav-repair').click()
    await app.byId('repair-world-size').fill('4')
    await app.byId('repair-plan-step').getByText('Make the random states of 2 processes those of 4').waitFor()
    await expectNoBarriers()
    await app.byId('repair-out').fill(out)
    await expect.poll(() => app.byId('repair-apply').isEnabled()).toBe(true)
    await app.byId('repair-apply').click()
    await app.byId('repair-result').waitFor()
    const states = readdirSync(out).filter((name) => name.startsWith('random_states'))
    expect(states).toHaveLength(4)
  })

  it('is not asked about where no process keeps a state of its own', async () => {
    await app.open(goldenPath('flattened'))
    await app.byId('nav-repair').click()
    await app.byId('repair-plan-step').first().waitFor()
    expect(await app.byId('repair-world-size').count()).toBe(0)
  })
})
