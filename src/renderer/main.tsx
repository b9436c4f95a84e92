import { createRoot } from 'react-dom/client'
import { type Bridge, ENGINE_PORT, PAGE_READY } from '../contract/bridge'
import { Connection } from './api/connection'
import { createApi } from './api/context'
import { App } from './app'

declare global {
  interface Window {
    /** Put there by the preload. */
    readonly assay: Bridge
  }
}

const connection = new Connection()
window.addEventListener('message', ({ source, data, ports: [port] }) => {
  if (source === window && data?.type === ENGINE_PORT && port) connection.attach(port)
})
window.postMessage({ type: PAGE_READY }, '*')

const root = document.getElementById('root')
if (root) createRoot(root).render(<App api={createApi(connection.client, window.assay, connection)} />)
