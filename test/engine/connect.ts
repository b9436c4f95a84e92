import { MessageChannel } from 'node:worker_threads'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import { Engine } from '../../src/engine/engine'
import type { Client } from '../../src/engine/local'
import { serve } from '../../src/engine/serve'

/** A face and an engine with a real port between them. */
export function connect(engine = new Engine()): { client: Client; close(): void } {
  const { port1, port2 } = new MessageChannel()
  serve(port1, engine)
  const client: Client = createORPCClient(new RPCLink({ port: port2 }))
  port1.start()
  port2.start()
  return { client, close: () => port2.close() }
}
