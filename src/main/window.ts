import { join } from 'node:path'
import { BrowserWindow, type MessagePortMain, nativeTheme, type Rectangle, screen } from 'electron'
import { ENGINE_PORT } from '../contract/bridge'
import { keepOnPage, PAGE } from './page'
import { load, save } from './store'

/** Seen before the page has painted, so it has to be the page's own ground. */
const GROUND = { light: '#ffffff', dark: '#131419' }

/** The one window. What is sent to it before its page listens waits. */
export class MainWindow {
  readonly browser: BrowserWindow
  #listening = false
  #toOpen: string | undefined

  constructor(icon: string) {
    const { bounds, maximized } = remembered()
    this.browser = new BrowserWindow({
      ...bounds,
      minWidth: 720,
      minHeight: 480,
      show: false,
      title: 'Assay',
      icon,
      backgroundColor: nativeTheme.shouldUseDarkColors ? GROUND.dark : GROUND.light,
      webPreferences: {
        preload: join(__dirname, '../preload/index.cjs'),
        sandbox: true,
        contextIsolation: true,
        nodeIntegration: false,
        spellcheck: false,
      },
    })
    keepOnPage(this.browser.webContents)
    this.browser.once('ready-to-show', () => {
      if (maximized) this.browser.maximize()
      this.browser.show()
    })
    this.browser.on('close', () => remember(this.browser))
    this.browser.webContents.on('did-navigate', () => {
      this.#listening = false
    })
    this.browser.loadURL(PAGE)
  }

  /** The page listens: gives it the engine's port and what was waiting for it. */
  ready(port: MessagePortMain): void {
    this.#listening = true
    this.connect(port)
    if (this.#toOpen !== undefined) this.open(this.#toOpen)
  }

  /** Gives the page the port of another engine; a page that does not listen yet asks when it does. */
  connect(port: MessagePortMain): void {
    if (this.#listening) this.browser.webContents.postMessage(ENGINE_PORT, null, [port])
  }

  /** Opens `path` in the window, once its page can. */
  open(path: string): void {
    this.#toOpen = this.#listening ? undefined : path
    if (this.#listening) this.browser.webContents.send('assay:open', path)
  }

  command(id: string): void {
    this.browser.webContents.send('assay:command', id)
  }

  focus(): void {
    if (this.browser.isMinimized()) this.browser.restore()
    this.browser.focus()
  }
}

function remember(browser: BrowserWindow): void {
  save('window', { bounds: browser.getNormalBounds(), maximized: browser.isMaximized() })
}

/** Where the window was, unless no screen shows that place any more. */
function remembered(): { bounds: Partial<Rectangle>; maximized: boolean } {
  const size = { width: 1280, height: 820 }
  const kept = load('window') as { bounds?: Partial<Rectangle>; maximized?: unknown } | undefined
  const { x, y, width, height } = kept?.bounds ?? {}
  if (![x, y, width, height].every(Number.isFinite)) return { bounds: size, maximized: false }
  const bounds = { x, y, width, height } as Rectangle
  const seen = screen.getAllDisplays().some(({ workArea }) => overlaps(workArea, bounds))
  return { bounds: seen ? bounds : size, maximized: kept?.maximized === true }
}

function overlaps(a: Rectangle, b: Rectangle): boolean {
  return a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height
}
