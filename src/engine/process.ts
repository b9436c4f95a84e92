import { RPCHandler } from '@orpc/server/message-port'
import { Engine } from './engine'
import { router } from './router'

/**
 * The engine as a process of its own: every port that arrives is a face of the app, with checkpoints of its own that are closed
 * when the port closes.
 */
const handler = new RPCHandler(router)

process.parentPort.on('message', ({ ports: [port] }) => {
  if (!port) return
  const engine = new Engine()
  handler.upgrade(port, { context: { engine } })
  port.on('close', () => engine.close())
  port.start()
})
