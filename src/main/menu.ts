import { basename } from 'node:path'
import { Menu, type MenuItemConstructorOptions } from 'electron'

interface Actions {
  readonly recent: readonly string[]
  readonly open: (path: string) => void
  readonly forgetRecent: () => void
  /** Sends the id of a command to the page, which knows what it means there. */
  readonly command: (id: string) => void
}

/** The menu bar. Whatever acts on what is open goes to the page as a command; only the system's own roles act here. */
export function applicationMenu(actions: Actions): Menu {
  const command = (label: string, id: string, accelerator?: string): MenuItemConstructorOptions => ({
    label,
    ...(accelerator && { accelerator }),
    click: () => actions.command(id),
  })
  const separator: MenuItemConstructorOptions = { type: 'separator' }
  const mac: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : []

  return Menu.buildFromTemplate([
    ...mac,
    {
      label: '&File',
      submenu: [
        command('&Open File…', 'open-file', 'CmdOrCtrl+O'),
        command('Open &Folder…', 'open-folder', 'CmdOrCtrl+Shift+O'),
        { label: 'Open &Recent', submenu: recentItems(actions) },
        command('Open &Sample Run', 'open-sample'),
        separator,
        command('Re&load from Disk', 'reload', 'F5'),
        command('&Export Weights…', 'export', 'CmdOrCtrl+Shift+E'),
        command('Load a Repair &Plan…', 'load-plan'),
        command('Show in Folder', 'show-in-folder'),
        separator,
        command('&Close Checkpoint', 'close', 'CmdOrCtrl+W'),
        process.platform === 'darwin' ? { role: 'close', accelerator: 'Cmd+Shift+W' } : { role: 'quit' },
      ],
    },
    {
      label: '&Edit',
      submenu: [
        { role: 'undo' },
        { role: 'redo' },
        separator,
        { role: 'cut' },
        { role: 'copy' },
        { role: 'paste' },
        { role: 'selectAll' },
        separator,
        command('&Go to Tensor…', 'go-to-tensor', 'CmdOrCtrl+P'),
        command('Copy &Path', 'copy-path'),
      ],
    },
    {
      label: '&View',
      submenu: [
        command('&Overview', 'view-overview'),
        command('&Tensors', 'view-tensors'),
        command('T&raining', 'view-training'),
        command('&Compare', 'view-compare'),
        command('Re&pair', 'view-repair'),
        command('Ra&w', 'view-raw'),
        separator,
        command('Command &Palette…', 'palette', 'CmdOrCtrl+Shift+P'),
        command('Check Every &Value', 'verify-deep'),
        command('Switch &Light and Dark', 'toggle-theme'),
        separator,
        { role: 'zoomIn' },
        { role: 'zoomOut' },
        { role: 'resetZoom' },
        { role: 'togglefullscreen' },
        { role: 'toggleDevTools' },
      ],
    },
    { label: '&Help', role: 'help', submenu: [command('&Keyboard Shortcuts', 'shortcuts'), { role: 'about' }] },
  ])
}

function recentItems({ recent, open, forgetRecent }: Actions): MenuItemConstructorOptions[] {
  if (recent.length === 0) return [{ label: 'Nothing opened yet', enabled: false }]
  return [
    ...recent.map(
      (path, position): MenuItemConstructorOptions => ({
        label: `${basename(path)}  (${path})`,
        ...(position < 9 && { accelerator: `CmdOrCtrl+${position + 1}` }),
        click: () => open(path),
      }),
    ),
    { type: 'separator' },
    { label: 'Clear List', click: forgetRecent },
  ]
}
