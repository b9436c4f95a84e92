import { join } from 'node:path'
import { MessageChannelMain, type MessagePortMain, type UtilityProcess, utilityProcess } from 'electron'

/** An engine that dies this often, this fast, dies at its start: starting it again would go on for ever. */
const DEATHS = 3
const WITHIN_MS = 10_000

/**
 * The process that reads checkpoints. Where it dies (the system is out of memory, say) it is started again and whoever held a port is
 * told, because what the old one had open is gone.
 */
export class Engine {
  #process: UtilityProcess | undefined
  #deaths: number[] = []

  constructor(
    readonly events: {
      readonly onRestart: () => void
      /** The engine cannot be kept alive. `reason` is a sentence for the user. */
      readonly onGivingUp: (reason: string) => void
    },
  ) {}

  start(): void {
    const child = utilityProcess.fork(join(__dirname, 'engine.cjs'), [], {
      serviceName: 'Assay engine',
      stdio: 'inherit',
    })
    this.#process = child
    child.on('exit', (code) => {
      if (this.#process === child) this.#died(code)
    })
  }

  stop(): void {
    const child = this.#process
    this.#process = undefined
    child?.kill()
  }

  /** A port whose other end the engine answers. */
  port(): MessagePortMain {
    const { port1, port2 } = new MessageChannelMain()
    this.#process?.postMessage({ type: 'connect' }, [port1])
    return port2
  }

  #died(code: number): void {
    const now = Date.now()
    this.#deaths = [...this.#deaths.filter((time) => now - time < WITHIN_MS), now]
    if (this.#deaths.length >= DEATHS) {
      this.#process = undefined
      this.#deaths = []
      this.events.onGivingUp(`It stopped ${DEATHS} times within ${WITHIN_MS / 1000} seconds, last with status ${code}.`)
      return
    }
    this.start()
    this.events.onRestart()
  }
}
