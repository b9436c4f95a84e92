import { spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ASSAY = fileURLToPath(new URL('../out/cli/assay.cjs', import.meta.url))
const AT_EXIT = fileURLToPath(new URL('./at-exit.cjs', import.meta.url))

/** The command, with so many threads beside its own. */
export function assay(threads, ...args) {
  return { file: process.execPath, args: ['--require', AT_EXIT, ASSAY, ...args], env: { ASSAY_THREADS: `${threads}` } }
}

export function node(...args) {
  return { file: process.execPath, args: ['--require', AT_EXIT, ...args], env: {} }
}

/** Any program. `times`: how often it is worth running. */
export function program(file, ...args) {
  return { file, args }
}

/**
 * Runs each of the commands in turn, several times over, so that what else the machine does hits all alike. Of each: the best
 * seconds from start to end, and, where Node runs it, the seconds that its threads computed and its most resident bytes.
 */
export function alternately(commands, times = 3) {
  const best = new Map()
  for (let round = 0; round < times; round++) {
    for (const [what, command] of Object.entries(commands)) {
      if (!command || round >= (command.times ?? times)) continue
      const one = timed(command)
      const before = best.get(what) ?? { seconds: Infinity, cpuSeconds: Infinity, residentBytes: 0 }
      best.set(what, {
        seconds: Math.min(before.seconds, one.seconds),
        cpuSeconds: Math.min(before.cpuSeconds, one.cpuSeconds ?? Infinity),
        residentBytes: Math.max(before.residentBytes, one.residentBytes ?? 0),
      })
    }
  }
  return best
}

function timed({ file, args, env, after }) {
  const out = join(tmpdir(), `assay-bench-${process.pid}.json`)
  const start = performance.now()
  run(file, args, env && { env: { ...process.env, ...env, ASSAY_BENCH_OUT: out } })
  const seconds = (performance.now() - start) / 1000
  after?.()
  if (!env) return { seconds }
  const { cpuSeconds, residentBytes } = JSON.parse(readFileSync(out, 'utf8'))
  rmSync(out)
  return { seconds, cpuSeconds, residentBytes }
}

/** Runs a program whose answer is thrown away. Status 1 is an answer too (`diff`, `verify`, `cmp`). */
export function run(file, args, options = {}) {
  const { status, signal, error, stderr } = spawnSync(file, args, { stdio: ['ignore', 'ignore', 'pipe'], ...options })
  if (error) throw error
  if (status > 1 || signal) throw new Error(`${file} ${args.join(' ')} ended with ${signal ?? status}: ${stderr}`)
}

/** A Python with NumPy (and for some cases torch): `ASSAY_PYTHON`, or `python3`. Undefined where it lacks the module. */
export function pythonWith(module) {
  const python = process.env.ASSAY_PYTHON ?? 'python3'
  const { status } = spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' })
  return status === 0 ? python : undefined
}
