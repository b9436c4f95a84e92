import { isAbsolute } from 'node:path'
import { BrowserWindow, dialog, type IpcMainInvokeEvent, ipcMain, type OpenDialogOptions, shell } from 'electron'
import { isPage } from './page'
import { recentPaths } from './recent'

interface Answers {
  readonly samplePath: string
  readonly addRecent: (path: string) => void
}

/** What the page may ask of the app, by the names the preload uses. A message from anything but the page is refused. */
export function answerPage({ samplePath, addRecent }: Answers): void {
  const choose = async (event: IpcMainInvokeEvent, options: OpenDialogOptions) => {
    const { canceled, filePaths } = await dialog.showOpenDialog(windowOf(event), options)
    return canceled ? null : (filePaths[0] ?? null)
  }
  const answers: Record<string, (event: IpcMainInvokeEvent, argument: unknown) => unknown> = {
    'assay:choose-file': (event) =>
      choose(event, { properties: ['openFile', 'showHiddenFiles'], title: 'Open a checkpoint file' }),
    'assay:choose-folder': (event) =>
      choose(event, { properties: ['openDirectory', 'showHiddenFiles'], title: 'Open a checkpoint folder or a run' }),
    'assay:choose-plan': (event) =>
      choose(event, {
        properties: ['openFile', 'showHiddenFiles'],
        title: 'Load a repair plan',
        filters: [
          { name: 'Plans', extensions: ['json'] },
          { name: 'All files', extensions: ['*'] },
        ],
      }),
    'assay:choose-save': async (event, name) => {
      const { canceled, filePath } = await dialog.showSaveDialog(windowOf(event), {
        defaultPath: text(name),
        properties: ['createDirectory', 'showOverwriteConfirmation'],
      })
      return canceled ? null : (filePath ?? null)
    },
    'assay:recent': () => recentPaths(),
    'assay:add-recent': (_event, path) => addRecent(absolute(path)),
    'assay:sample-path': () => samplePath,
    'assay:show-in-folder': (_event, path) => shell.showItemInFolder(absolute(path)),
  }
  for (const [name, answer] of Object.entries(answers)) {
    ipcMain.handle(name, (event, argument: unknown) => {
      if (!isPage(event.senderFrame?.url)) throw new Error(`${name} refused`)
      return answer(event, argument)
    })
  }
}

function windowOf(event: IpcMainInvokeEvent): BrowserWindow {
  const window = BrowserWindow.fromWebContents(event.sender)
  if (!window) throw new Error('The window is gone')
  return window
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new TypeError('Expected a text')
  return value
}

function absolute(value: unknown): string {
  const path = text(value)
  if (!isAbsolute(path)) throw new TypeError('Expected an absolute path')
  return path
}
