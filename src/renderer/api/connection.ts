import { createORPCClient } from '@orpc/client'
import { RPCLink } from '@orpc/client/message-port'
import type { ContractRouterClient } from '@orpc/contract'
import type { Contract } from '../../contract/contract'

export type Client = ContractRouterClient<Contract>

/** Why a call in flight failed when its engine went away. The same call may be tried again: a new engine is on its way. */
export class EngineStopped extends Error {
  constructor() {
    super('The engine stopped while it was working.')
    this.name = 'EngineStopped'
  }
}

interface Session {
  readonly port: MessagePort
  readonly link: RPCLink<Record<never, never>>
  alive: boolean
}

/**
 * The typed client over whichever port arrived last. Calls made before the first port wait for it; calls in flight when a newer
 * port arrives fail with EngineStopped, because the engine that had them is gone.
 */
export class Connection {
  readonly client: Client
  #session: Session | undefined
  #generation = 0
  readonly #waiting = new Set<(session: Session) => void>()
  readonly #listeners = new Set<() => void>()

  constructor() {
    this.client = createORPCClient<Client>({
      call: async (path, input, options) => {
        const session = this.#session ?? (await this.#nextSession(options.signal))
        try {
          const output = await session.link.call(path, input, options)
          return isStream(output) ? guarded(output, session) : output
        } catch (error) {
          throw session.alive ? error : new EngineStopped()
        }
      },
    })
  }

  /** How many engines there have been. What an older one had opened is gone. */
  get generation(): number {
    return this.#generation
  }

  attach(port: MessagePort): void {
    const previous = this.#session
    const session = { port, link: new RPCLink({ port }), alive: true }
    this.#session = session
    this.#generation += 1
    port.start()
    if (previous) retire(previous)
    for (const wake of this.#waiting) wake(session)
    this.#waiting.clear()
    for (const listener of this.#listeners) listener()
  }

  /** Calls back after each new engine. Returns how to stop. */
  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #nextSession(signal: AbortSignal | undefined): Promise<Session> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const abort = () => {
        this.#waiting.delete(wake)
        reject(signal?.reason)
      }
      const wake = (session: Session) => {
        signal?.removeEventListener('abort', abort)
        resolve(session)
      }
      signal?.addEventListener('abort', abort, { once: true })
      this.#waiting.add(wake)
    })
  }
}

/** oRPC gives up a port's calls when the port says `close`, which Chromium before 122 never does by itself. */
function retire(session: Session): void {
  session.alive = false
  session.port.dispatchEvent(new Event('close'))
  session.port.close()
}

function isStream(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value
}

async function* guarded(stream: AsyncIterable<unknown>, session: Session): AsyncGenerator<unknown> {
  try {
    yield* stream
  } catch (error) {
    throw session.alive ? error : new EngineStopped()
  }
  // A closed peer ends its streams instead of failing them.
  if (!session.alive) throw new EngineStopped()
}
