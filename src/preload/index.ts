import { contextBridge, ipcRenderer, webUtils } from 'electron'
import { type Bridge, ENGINE_PORT, PAGE_READY } from '../contract/bridge'

const bridge: Bridge = {
  platform: process.platform,
  versions: { electron: process.versions.electron, chromium: process.versions.chrome, node: process.versions.node },
  chooseFile: () => ipcRenderer.invoke('assay:choose-file'),
  chooseFolder: () => ipcRenderer.invoke('assay:choose-folder'),
  choosePlan: () => ipcRenderer.invoke('assay:choose-plan'),
  chooseSave: (defaultName) => ipcRenderer.invoke('assay:choose-save', defaultName),
  pathOf: (file) => pathOf(file),
  recent: () => ipcRenderer.invoke('assay:recent'),
  addRecent: (path) => ipcRenderer.invoke('assay:add-recent', path),
  onOpen: (listener) => listen('assay:open', listener),
  onCommand: (listener) => listen('assay:command', listener),
  samplePath: () => ipcRenderer.invoke('assay:sample-path'),
  showInFolder: (path) => ipcRenderer.invoke('assay:show-in-folder', path),
}
contextBridge.exposeInMainWorld('assay', bridge)

// A port cannot pass the context bridge; it reaches the page as a message of its own window.
ipcRenderer.on(ENGINE_PORT, (event) => window.postMessage({ type: ENGINE_PORT }, '*', [...event.ports]))
window.addEventListener('message', (event) => {
  if (event.source === window && event.data?.type === PAGE_READY) ipcRenderer.send(PAGE_READY)
})

function listen(channel: string, listener: (text: string) => void): () => void {
  const forward = (_event: unknown, text: string) => listener(text)
  ipcRenderer.on(channel, forward)
  return () => ipcRenderer.off(channel, forward)
}

/** `webUtils` came with Electron 29; before that a File told its path itself. */
function pathOf(file: File): string {
  return webUtils ? webUtils.getPathForFile(file) : ((file as File & { path?: string }).path ?? '')
}
