import { RPCHandler } from '@orpc/server/message-port'
import { createRoot } from 'react-dom/client'
import { Connection } from '../../../src/renderer/api/connection'
import { createApi } from '../../../src/renderer/api/context'
import { App } from '../../../src/renderer/app'
import { fakeApp } from '../fixture/bridge'
import { allCases } from '../fixture/cases'
import { fixtureRouter } from '../fixture/client'

/** The real window over a real port; only what answers at its other end is made up. `?step=MS&answer=MS` slows it down. */
const asked = new URLSearchParams(location.search)
const pace = { step: Number(asked.get('step') ?? 0), answer: Number(asked.get('answer') ?? 0) }

const cases = allCases()
const connection = new Connection()
const app = fakeApp('/data/runs/tiny-gpt2', [
  '/data/runs/tiny-gpt2',
  '/data/flattened/checkpoint',
  '/data/gone/model.pt',
])

function startEngine(): void {
  const { port1, port2 } = new MessageChannel()
  new RPCHandler(fixtureRouter(cases, pace)).upgrade(port1)
  port1.start()
  connection.attach(port2)
}
startEngine()

declare global {
  interface Window {
    /** For tests: the app around the window, and a way to kill the engine. */
    readonly fixture: { readonly app: typeof app; readonly restartEngine: () => void }
  }
}
Object.assign(window, { fixture: { app, restartEngine: startEngine } })

const root = document.getElementById('root')
if (root) createRoot(root).render(<App api={createApi(connection.client, app.bridge, connection)} />)
