import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ASSAY = fileURLToPath(new URL('../out/cli/assay.cjs', import.meta.url))
const AT_EXIT = fileURLToPath(new URL('./at-exit.cjs', import.meta.url))
const TIMES = 3

/**
 * Best of three runs: seconds from the start of the process to its end, seconds its threads computed (the figure to look at
 * on a busy machine), and its most resident bytes.
 */
export function node(...args) {
  const out = join(tmpdir(), `assay-bench-${process.pid}.json`)
  const env = { ...process.env, ASSAY_BENCH_OUT: out }
  const runs = Array.from({ length: TIMES }, () => {
    run(process.execPath, ['--require', AT_EXIT, ...args], { env })
    return JSON.parse(readFileSync(out, 'utf8'))
  })
  return {
    seconds: Math.min(...runs.map((one) => one.seconds)),
    cpuSeconds: Math.min(...runs.map((one) => one.cpuSeconds)),
    residentBytes: Math.max(...runs.map((one) => one.residentBytes)),
  }
}

/** Best of three runs of any program, in seconds. */
export function program(file, ...args) {
  const runs = Array.from({ length: TIMES }, () => {
    const start = performance.now()
    run(file, args)
    return (performance.now() - start) / 1000
  })
  return { seconds: Math.min(...runs) }
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
