import { type ChildProcess, fork } from 'node:child_process'
import { join } from 'node:path'
import type { Reply, Request } from './worker'

/** Longest that a small input may take, of the processor and, while nothing points to a hang, of the clock. */
const LIMIT_MS = 2000
/** More for each MiB of a large one: what is done with a file may grow with it, and no faster. */
const LIMIT_MS_PER_MIB = 1000
/** An input that ran out of time is given this long on a second try: other programs may have held it up. */
const PATIENCE_MS = 120_000
/** On a busy machine the same work may take twice the time of the processor. */
const SECOND_LOOKS = 3
const MOST_GROWTH = 256 << 20
const KEPT_STDERR = 4000

export interface Trial {
  readonly rules: readonly string[]
  readonly cpuMs: number
  readonly growth: number
  /** What is wrong, if anything: the first line tells it, a stack may follow. */
  readonly failure?: string
  /** It was too slow or too large, which takes long to see again. */
  readonly costly?: true
}

/** Opens files in a process of its own, which may die or hang. */
export class Prober {
  private child: ChildProcess | undefined

  /**
   * Opens a path, whose file under test has `size` bytes. What may be the fault of the moment (time, memory) is tried again in
   * fresh processes before it counts.
   */
  async try(request: Request, size: number): Promise<Trial> {
    const limit = LIMIT_MS + (size / 2 ** 20) * LIMIT_MS_PER_MIB
    let trial = await this.ask(request, limit)
    for (let again = 0; again < SECOND_LOOKS && costOf(trial, limit) !== undefined; again++) {
      this.close()
      trial = await this.ask(request, PATIENCE_MS)
    }
    const cost = costOf(trial, limit)
    return cost === undefined ? trial : { ...trial, failure: cost, costly: true }
  }

  close(): void {
    this.child?.removeAllListeners()
    this.child?.kill('SIGKILL')
    this.child = undefined
  }

  private ask(request: Request, limit: number): Promise<Trial> {
    const child = this.start()
    let stderr = ''
    return new Promise((resolve) => {
      const listen = (chunk: Buffer) => {
        stderr = `${stderr}${chunk}`.slice(-KEPT_STDERR)
      }
      const done = (trial: Trial, alive: boolean) => {
        clearTimeout(timer)
        child.removeAllListeners()
        child.stderr?.off('data', listen)
        if (!alive) this.close()
        resolve(trial)
      }
      const timer = setTimeout(() => done({ ...NOTHING, failure: SLOW }, false), limit)
      child.stderr?.on('data', listen)
      child.once('message', (reply: Reply) => done(reply, true))
      child.once('exit', (code, signal) => {
        done({ ...NOTHING, failure: `The process died (${signal ?? `status ${code}`})\n${stderr}` }, false)
      })
      child.send(request)
    })
  }

  private start(): ChildProcess {
    this.child ??= fork(join(import.meta.dirname, 'worker.mjs'), {
      execArgv: ['--enable-source-maps', '--expose-gc', '--max-old-space-size=1024'],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    return this.child
  }
}

/** What is too much about a trial that went well but for its cost. */
function costOf({ failure, cpuMs, growth }: Trial, limit: number): string | undefined {
  if (failure === SLOW) return `Hangs: no answer after ${PATIENCE_MS / 1000} s`
  if (failure !== undefined) return undefined
  if (cpuMs > limit) return `Takes ${(cpuMs / 1000).toFixed(1)} s of the processor`
  return growth > MOST_GROWTH ? `Takes ${Math.round(growth / 2 ** 20)} MiB of memory` : undefined
}

const SLOW = 'slow'
const NOTHING = { rules: [], cpuMs: 0, growth: 0 }
