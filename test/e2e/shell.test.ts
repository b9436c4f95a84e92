import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sparseSafetensors } from '../engine/sparse'
import { casesLike, goldenPath } from '../golden/cases'
import { type App, argumentsFor, electronPath, start } from './app'

let app: App
beforeAll(async () => {
  app = await start()
})
afterAll(() => app?.close())

describe('the shell', () => {
  it('greets with an empty window when it is given nothing', async () => {
    await app.byId('open-sample').waitFor()
    expect(await app.page.title()).toContain('Assay')
    expect(app.complaints).toEqual([])
  })

  it('keeps the page in its box: no Node, no network, no other page, no other window', async () => {
    const seen = await app.page.evaluate(`(async () => ({
      node: ['require', 'process', 'module', 'Buffer'].filter((name) => name in globalThis),
      network: await fetch('https://example.com').then(() => 'open', () => 'closed'),
      window: window.open('https://example.com') === null ? 'refused' : 'opened',
    }))()`)
    expect(seen).toEqual({ node: [], network: 'closed', window: 'refused' })
    const preferences = await app.electron.evaluate(({ BrowserWindow }) => {
      const [window] = BrowserWindow.getAllWindows()
      // Not among the declared methods, but the one place that tells how a page really runs.
      const contents = window?.webContents as unknown as { getLastWebPreferences(): Record<string, unknown> }
      const { sandbox, contextIsolation, nodeIntegration } = contents.getLastWebPreferences()
      return { sandbox, contextIsolation, nodeIntegration }
    })
    expect(preferences).toEqual({ sandbox: true, contextIsolation: true, nodeIntegration: false })
  })

  it('serves nothing but the files of the page', async () => {
    const status = (path: string) =>
      app.page.evaluate<number>(`fetch(${JSON.stringify(path)}).then(({ status }) => status, () => 0)`)
    for (const path of ['../../package.json', '/..%2f..%2fpackage.json', 'file:///etc/passwd']) {
      expect(await status(path)).not.toBe(200)
    }
  })

  it('hands the path of a second start to the window that is open', async () => {
    const second = spawn(electronPath(), argumentsFor(app.profile, [goldenPath('seed-style')]), { stdio: 'ignore' })
    await once(second, 'exit')
    await app.byId('component-optimizer').waitFor()
    expect(await app.page.title()).toContain('seed-style/data')
    expect(app.electron.windows()).toHaveLength(1)
  })

  it('opens what the menu asks for', async () => {
    await app.electron.evaluate(({ Menu }) => {
      const file = Menu.getApplicationMenu()?.items.find(({ label }) => label.includes('File'))
      file?.submenu?.items.find(({ label }) => label.includes('Sample'))?.click()
    })
    await expect.poll(() => app.byId('run-row').count()).toBe(3)
  })

  it('tells the path of a dropped file', async () => {
    await app.page.evaluate(
      `document.body.append(Object.assign(document.createElement('input'), { type: 'file', id: 'dropped' }))`,
    )
    const path = goldenPath('seed-style', 'data/model.safetensors')
    await app.page.setInputFiles('#dropped', path)
    const told = await app.page.evaluate(`assay.pathOf(document.querySelector('#dropped').files[0])`)
    await app.page.evaluate(`document.querySelector('#dropped').remove()`)
    expect(told).toBe(path)
  })

  it('starts the engine again when it dies, and goes on', async () => {
    await app.open(goldenPath('seed-style'))
    const engine = () =>
      app.electron.evaluate(({ app }) => app.getAppMetrics().find(({ name }) => name === 'Assay engine')?.pid)
    const first = (await engine()) ?? Number.NaN
    process.kill(first, 'SIGKILL')
    await expect.poll(async () => ![undefined, first].includes(await engine())).toBe(true)
    await app.open(goldenPath('flattened'))
    await expect.poll(() => app.byId('verdict').textContent()).toContain('Broken')
  })

  it('cancels a long job', async () => {
    await app.open(sparseSafetensors(64, 256 * 2 ** 20))
    await app.byId('nav-overview').click()
    await app.byId('verify-deep').click()
    await app.byId('job-cancel').first().click({ timeout: 20_000 })
    await expect.poll(() => app.byId('job-cancel').count()).toBe(0)
    await app.byId('nav-tensors').click()
    await app.byId('tensor-row').first().waitFor()
  })
})

describe('bad input in the window', () => {
  it('ends in a verdict or an error for every damaged and hostile file', async () => {
    for (const name of [...casesLike('damaged-'), ...casesLike('hostile-')]) {
      const path = goldenPath(name)
      await app.open(path)
      await app.page.locator(`[data-testid=verdict], [data-testid=error-panel]`).first().waitFor({ timeout: 20_000 })
      await expect.poll(() => app.page.locator('body').textContent(), { timeout: 20_000 }).toContain(path)
    }
    expect(app.electron.windows()).toHaveLength(1)
  })

  it('says what is wrong with a path that is not there', async () => {
    await app.ask('/there/is/nothing')
    await app.byId('error-panel').waitFor()
    expect(await app.byId('error-panel').textContent()).toContain('/there/is/nothing')
  })
})

describe('another page', () => {
  it('is never opened', async () => {
    await app.page.evaluate(`setTimeout(() => { location.href = 'https://example.com' })`)
    const shown = () =>
      app.electron.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.webContents.getURL()))
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(await shown()).toEqual(['assay://app/index.html'])
  })
})
