import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { AxeBuilder } from '@axe-core/playwright'
import { _electron, type ElectronApplication, type Locator, type Page } from 'playwright-core'

const root = resolve(import.meta.dirname, '../..')
const pictures = join(root, 'test-results')

export interface App {
  readonly electron: ElectronApplication
  readonly page: Page
  /** Folder of its own for what the app remembers. */
  readonly profile: string
  /** What the page has complained about so far. */
  readonly complaints: readonly string[]
  byId(id: string): Locator
  /** Asks for a path as a second start or the system would. */
  ask(path: string): Promise<void>
  /** As `ask`, until the window shows it. */
  open(path: string): Promise<void>
  /** Lets the next system dialogs answer with `path`. */
  answerDialogs(path: string): Promise<void>
  picture(name: string): Promise<void>
  /** What axe finds on the page as it is: rule, and where. */
  violations(): Promise<string[]>
  close(): Promise<void>
}

/** Starts the built app in a real Electron, as a user would who names `paths` on the command line. */
export async function start(
  paths: readonly string[] = [],
  profile = mkdtempSync(join(tmpdir(), 'assay-e2e-')),
): Promise<App> {
  if (!existsSync(join(root, 'out/main/index.cjs'))) throw new Error('Build the app first: npm run build')
  const electron = await _electron.launch({ executablePath: electronPath(), args: argumentsFor(profile, paths) })
  const page = await electron.firstWindow()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  const ask = (path: string) =>
    electron.evaluate(({ BrowserWindow }, place) => {
      BrowserWindow.getAllWindows()[0]?.webContents.send('assay:open', place)
    }, path)
  mkdirSync(pictures, { recursive: true })
  const app: App = {
    electron,
    page,
    profile,
    complaints,
    byId: (id) => page.getByTestId(id),
    ask,
    open: async (path) => {
      await ask(path)
      await page.locator('footer').getByText(path, { exact: true }).waitFor()
    },
    answerDialogs: (path) =>
      electron.evaluate(({ dialog }, place) => {
        dialog.showOpenDialog = async () => ({ canceled: false, filePaths: [place], bookmarks: [] })
        dialog.showSaveDialog = async () => ({ canceled: false, filePath: place, bookmark: '' })
      }, path),
    picture: async (name) => {
      await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' })
    },
    violations: async () => {
      // A tooltip under the pointer is not part of the view.
      await page.mouse.move(0, 0)
      await page.getByRole('tooltip').waitFor({ state: 'detached' })
      const { violations } = await new AxeBuilder({ page }).setLegacyMode().analyze()
      return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 200)}`))
    },
    close: () => electron.close(),
  }
  await page.waitForSelector('[data-testid]')
  return app
}

export function argumentsFor(profile: string, paths: readonly string[]): string[] {
  const asRoot = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  return [...asRoot, `--user-data-dir=${profile}`, root, ...paths]
}

export function electronPath(): string {
  const path: unknown = createRequire(import.meta.url)('electron')
  if (typeof path !== 'string') throw new Error('The electron package gives no program')
  return path
}
