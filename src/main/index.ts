import { join } from 'node:path'
import { app, dialog, ipcMain, Menu } from 'electron'
import { PAGE_READY } from '../contract/bridge'
import { pathsIn } from './arguments'
import { Engine } from './engine'
import { answerPage } from './ipc'
import { applicationMenu } from './menu'
import { claimScheme, isPage, servePage } from './page'
import { forgetRecent, recentPaths, rememberRecent } from './recent'
import { MainWindow } from './window'

/**
 * The life of the app: one process, one window that is used again, one engine beside it. A second start hands its path to the
 * first and ends.
 */
const resources = join(__dirname, '../../resources')
const samplePath = join(resources, 'sample/tiny-gpt2')

// A runtime may have set its own folder already; the switch is the user's word and wins.
const profile = app.commandLine.getSwitchValue('user-data-dir')
if (profile) app.setPath('userData', profile)

let toOpen = pathsIn(process.argv, process.defaultApp === true, process.cwd())[0]
let window: MainWindow | undefined

const engine = new Engine({
  onRestart: () => window?.connect(engine.port()),
  onGivingUp: askWhetherToGoOn,
})

if (app.requestSingleInstanceLock({ path: toOpen })) {
  claimScheme()
  app.on('second-instance', (_event, _argv, _folder, data) => show((data as { path?: string }).path))
  // macOS hands files over by event, at a start even before the app is ready.
  app.on('open-file', (event, path) => {
    event.preventDefault()
    if (app.isReady()) show(path)
    else toOpen = path
  })
  app.on('activate', () => show(undefined))
  app.on('window-all-closed', () => {
    if (process.platform !== 'darwin') app.quit()
  })
  app.on('will-quit', () => engine.stop())
  app.whenReady().then(start)
} else {
  app.quit()
}

function start(): void {
  engine.start()
  servePage()
  answerPage({ samplePath, addRecent: (path) => recentChanged(() => rememberRecent(path)) })
  ipcMain.on(PAGE_READY, (event) => {
    if (isPage(event.senderFrame?.url)) window?.ready(engine.port())
  })
  recentChanged(() => {})
  show(toOpen)
}

/** Brings the window to the front, making it if there is none, and opens `path` in it. */
function show(path: string | undefined): void {
  if (window) window.focus()
  else {
    window = new MainWindow(join(resources, 'icon.png'))
    window.browser.on('closed', () => {
      window = undefined
    })
  }
  if (path !== undefined) window.open(path)
}

/** The engine would not stay alive: only the user knows whether what it choked on is mended. */
async function askWhetherToGoOn(reason: string): Promise<void> {
  const { response } = await dialog.showMessageBox({
    type: 'error',
    message: 'Assay cannot read checkpoints now',
    detail: reason,
    buttons: ['Try Again', 'Quit'],
    cancelId: 1,
  })
  if (response === 1) return app.quit()
  engine.start()
  window?.connect(engine.port())
}

function recentChanged(change: () => void): void {
  change()
  Menu.setApplicationMenu(
    applicationMenu({
      recent: recentPaths(),
      open: show,
      forgetRecent: () => recentChanged(forgetRecent),
      command: (id) => window?.command(id),
    }),
  )
}
