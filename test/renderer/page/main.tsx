import { createRoot } from 'react-dom/client'
import { App } from '../../../src/renderer/app'
import { localApi } from '../fixture/local'

/** The real window over a real port; only what answers at its other end is made up. `?step=MS&answer=MS&plan=MS` slows it down. */
const asked = new URLSearchParams(location.search)
const paceOf = (name: string) => Number(asked.get(name) ?? 0)
const pace = { step: paceOf('step'), answer: paceOf('answer'), plan: paceOf('plan') }

const { api, app, restart } = localApi(pace, [
  '/data/runs/tiny-gpt2',
  '/data/flattened/checkpoint',
  '/data/gone/model.pt',
])

declare global {
  interface Window {
    /** For tests: the app around the window, and a way to kill the engine. */
    readonly fixture: { readonly app: typeof app; readonly restartEngine: () => void }
  }
}
Object.assign(window, { fixture: { app, restartEngine: restart } })

const root = document.getElementById('root')
if (root) createRoot(root).render(<App api={api} />)
