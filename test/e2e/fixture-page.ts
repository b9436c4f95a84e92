import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { _electron, type ElectronApplication, type Page } from 'playwright-core'
import { build } from 'vite'
import { electronPath } from './app'

const root = resolve(import.meta.dirname, '../renderer/page')

const MAIN = `
const { app, BrowserWindow } = require('electron')
app.whenReady().then(() => new BrowserWindow({ width: 1360, height: 860, webPreferences: { sandbox: true } }).loadURL('about:blank'))
`

export interface FixturePage {
  readonly page: Page
  readonly electron: ElectronApplication
  /** Loads the page anew; these are how long, in ms, the engine at its other end takes. */
  load(pace?: { step?: number; answer?: number; plan?: number }): Promise<void>
  /** As if the app had been asked for a path. */
  open(path: string): Promise<void>
  restartEngine(): Promise<void>
  close(): Promise<void>
}

/** The window in a real Electron over an engine that is made up: for what no file on this machine shows. */
export async function fixturePage(): Promise<FixturePage> {
  const folder = mkdtempSync(join(tmpdir(), 'assay-page-'))
  await build({
    root,
    base: './',
    configFile: false,
    logLevel: 'error',
    plugins: [react()],
    build: { target: 'chrome114', outDir: join(folder, 'page'), modulePreload: { polyfill: false }, minify: false },
  })
  const main = join(folder, 'main.cjs')
  writeFileSync(main, MAIN)
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const args = [...asRoot, `--user-data-dir=${join(folder, 'profile')}`, main]
  const electron = await _electron.launch({ executablePath: electronPath(), args })
  const page = await electron.firstWindow()
  return {
    page,
    electron,
    load: async ({ step = 0, answer = 0, plan = 0 } = {}) => {
      const file = join(folder, 'page/index.html')
      await electron.evaluate(
        ({ BrowserWindow }, [path, search]) =>
          BrowserWindow.getAllWindows()[0]?.loadFile(path ?? '', search === undefined ? {} : { search }),
        [file, `step=${step}&answer=${answer}&plan=${plan}`],
      )
      await page.waitForSelector('[data-testid]')
    },
    open: (path) => page.evaluate(`window.fixture.app.open(${JSON.stringify(path)})`),
    restartEngine: () => page.evaluate('window.fixture.restartEngine()'),
    close: async () => {
      await electron.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
