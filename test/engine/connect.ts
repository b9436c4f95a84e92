import { MessageChannel } from 'node:worker_threads'
import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import { vi } from 'vitest'
import { Engine } from '../../src/engine/engine'
import type { Client } from '../../src/engine/local'
import { serve } from '../../src/engine/serve'

// Whole commands and jobs on a machine that may be busy with something else.
vi.setConfig({ testTimeout: 60_000 })

/** A face and an engine with a real port between them. */
export function connect(engine = new Engine()): { client: Client; close(): void } {
  const { port1, port2 } = new MessageChannel()
  serve(port1, engine)
  const client: Client = createORPCClient(new RPCLink({ port: port2 }))
  port1.start()
  port2.start()
  return { client, close: () => port2.close() }
}
