import { readFileSync, writeFileSync } from 'node:fs'
import { probe, probeEngine } from './probe'

/** Asks the worker to open `path`. */
export interface Request {
  readonly path: string
  readonly deep: boolean
  /** Ask through the engine as well. */
  readonly engine: boolean
}

/** How it went. `failure` is the stack of what was thrown. */
export interface Reply {
  readonly rules: readonly string[]
  readonly cpuMs: number
  /** Bytes of memory by which the peak while it was open exceeded what the process held before. */
  readonly growth: number
  readonly failure?: string
}

/** What a process may hold between inputs before it has to collect its garbage, in bytes. */
const TIDY_ABOVE = 300 << 20

process.on('message', async (request: Request) => {
  if (process.memoryUsage.rss() > TIDY_ABOVE) globalThis.gc?.()
  const cpu = process.cpuUsage()
  const before = process.memoryUsage.rss()
  resetPeak()
  let rules: string[] = []
  let failure: string | undefined
  try {
    rules = await probe(request.path, request.deep)
    if (request.engine) await probeEngine(request.path)
  } catch (error) {
    failure = error instanceof Error ? (error.stack ?? error.message) : String(error)
  }
  const { user, system } = process.cpuUsage(cpu)
  const reply: Reply = {
    rules,
    cpuMs: (user + system) / 1000,
    growth: peak() - before,
    ...(failure !== undefined && { failure }),
  }
  process.send?.(reply)
})

/** Linux forgets the peak on request (man 5 proc, clear_refs); elsewhere it is that of the life of the process. */
function resetPeak(): void {
  if (process.platform === 'linux') writeFileSync('/proc/self/clear_refs', '5')
}

function peak(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024
  const status = readFileSync('/proc/self/status', 'latin1')
  return Number(/VmHWM:\s*(\d+)/.exec(status)?.[1] ?? 0) * 1024
}
