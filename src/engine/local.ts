import type { ContractRouterClient } from '@orpc/contract'
import { createRouterClient } from '@orpc/server'
import type { Contract } from '../contract/contract'
import { Engine } from './engine'
import { router } from './router'

export type Client = ContractRouterClient<Contract>

/** The engine in this process: the same calls as over a port, without one. `close` closes what was opened through it. */
export function localEngine(): { readonly client: Client; close(): void } {
  const engine = new Engine()
  return { client: createRouterClient(router, { context: { engine } }), close: () => engine.close() }
}
