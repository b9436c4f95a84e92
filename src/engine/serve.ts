import { onMessagePortClose, type SupportedMessagePort } from '@orpc/client/message-port'
import { RPCHandler } from '@orpc/server/message-port'
import { Engine } from './engine'
import { router } from './router'

const handler = new RPCHandler(router)

/** Answers the contract on a port. What the face at its other end has open is closed when the port closes. */
export function serve(port: SupportedMessagePort, engine = new Engine()): void {
  handler.upgrade(port, { context: { engine } })
  onMessagePortClose(port, () => engine.close())
}
