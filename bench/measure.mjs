import { spawn, spawnSync } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { at } from './scratch.mjs'

export const ASSAY = fileURLToPath(new URL('../out/cli/assay.cjs', import.meta.url))
const AT_EXIT = fileURLToPath(new URL('./at-exit.cjs', import.meta.url))

/** What takes longer than this is stopped: one command must not keep the table waiting. */
const MOST_SECONDS = 90

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
export async function alternately(commands, times = 3) {
  const best = new Map()
  const dropped = new Set()
  for (let round = 0; round < times; round++) {
    for (const [what, command] of Object.entries(commands)) {
      if (!command || dropped.has(what) || round >= (command.times ?? times)) continue
      const one = await timed(command).catch((error) => {
        console.error(`${what} is left out: ${error.message}`)
        dropped.add(what)
      })
      if (!one) continue
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

async function timed({ file, args, env, after }) {
  const out = at('usage.json')
  const start = performance.now()
  await run(file, args, env && { ...process.env, ...env, ASSAY_BENCH_OUT: out })
  const seconds = (performance.now() - start) / 1000
  after?.()
  if (!env) return { seconds }
  const { cpuSeconds, residentBytes } = JSON.parse(readFileSync(out, 'utf8'))
  rmSync(out)
  return { seconds, cpuSeconds, residentBytes }
}

/** Runs a program whose answer is thrown away. Status 1 is an answer too (`diff`, `verify`, `cmp`). */
export function run(file, args, env = process.env) {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, { env, stdio: ['ignore', 'ignore', 'pipe'], timeout: MOST_SECONDS * 1000 })
    const stop = () => child.kill('SIGKILL')
    process.once('exit', stop)
    let said = ''
    child.stderr.on('data', (text) => {
      said += text
    })
    child.on('error', reject)
    child.on('close', (status, signal) => {
      process.off('exit', stop)
      if (status === 0 || status === 1) resolve()
      else reject(new Error(`${file} ${args.join(' ')} ended with ${signal ?? status}: ${said}`))
    })
  })
}

/** A Python with NumPy (and for some cases torch): `ASSAY_PYTHON`, or `python3`. Undefined where it lacks the module. */
export function pythonWith(module) {
  const python = process.env.ASSAY_PYTHON ?? 'python3'
  const { status } = spawnSync(python, ['-c', `import ${module}`], { stdio: 'ignore' })
  return status === 0 ? python : undefined
}
