import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import asc from 'assemblyscript/asc'
import { build, type Plugin } from 'vite'

const SOURCES = fileURLToPath(new URL('./src/core/analysis/simd/assembly', import.meta.url))
const WORKER = fileURLToPath(new URL('./src/core/analysis/pool/worker.ts', import.meta.url))
const KEPT = fileURLToPath(new URL('./node_modules/.cache/assay-simd', import.meta.url))
const FLAGS = ['-O3', '--runtime', 'stub', '--importMemory', '--enable', 'simd']
const VARIANTS = { plain: FLAGS, relaxed: [...FLAGS, '--enable', 'relaxed-simd'] }

/** Puts compiled code in the place of the modules that stand for it, so that it travels inside whatever is built. */
export function simd(): Plugin[] {
  return [kernels(), worker()]
}

/**
 * Compiles the AssemblyScript kernels and puts them, as base64, in the place of `analysis/simd/binary.ts`, so that they travel
 * inside whatever is built and tests run the very same. What was compiled is kept until its sources change.
 */
function kernels(): Plugin {
  return {
    name: 'assay-simd',
    enforce: 'pre',
    async transform(_, id) {
      if (!id.endsWith('/analysis/simd/binary.ts')) return undefined
      const lines: string[] = []
      for (const [name, flags] of Object.entries(VARIANTS)) {
        lines.push(`export const ${name} = ${JSON.stringify((await compiled(name, flags)).toString('base64'))}`)
      }
      for (const file of sources()) this.addWatchFile(file)
      return { code: lines.join('\n'), map: null }
    },
  }
}

/** Bundles the worker of the pool to one text and puts it in the place of `analysis/pool/worker-code.ts`. */
function worker(): Plugin {
  return {
    name: 'assay-worker',
    enforce: 'pre',
    async transform(_, id) {
      if (!id.endsWith('/analysis/pool/worker-code.ts')) return undefined
      const bundle = await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        plugins: [kernels()],
        ssr: { noExternal: true },
        build: {
          ssr: WORKER,
          write: false,
          target: 'node18',
          minify: true,
          rolldownOptions: { output: { format: 'cjs' }, external: ['koffi'] },
        },
      })
      if (!('output' in bundle)) throw new Error('The worker does not build')
      const code = bundle.output.map((part) => ('code' in part ? part.code : '')).join('')
      return { code: `export const workerCode = ${JSON.stringify(code)}`, map: null }
    },
  }
}

function sources(): string[] {
  return readdirSync(SOURCES)
    .filter((name) => name.endsWith('.ts'))
    .sort()
    .map((name) => join(SOURCES, name))
}

async function compiled(name: string, flags: readonly string[]): Promise<Buffer> {
  const hash = createHash('sha256').update(JSON.stringify([asc.version, flags]))
  for (const file of sources()) hash.update(readFileSync(file))
  const place = join(KEPT, `${name}-${hash.digest('hex').slice(0, 16)}.wasm`)
  try {
    return readFileSync(place)
  } catch {
    const wasm = await compile(flags)
    mkdirSync(KEPT, { recursive: true })
    // another process may be at it: whoever is done first, both have the same
    writeFileSync(`${place}.${process.pid}`, wasm)
    renameSync(`${place}.${process.pid}`, place)
    return wasm
  }
}

async function compile(flags: readonly string[]): Promise<Buffer> {
  let wasm: Buffer | undefined
  const args = ['index.ts', '--baseDir', SOURCES, '--outFile', 'kernels.wasm', ...flags]
  const { error, stderr } = await asc.main(args, {
    writeFile(_: string, contents: Uint8Array | string) {
      wasm = Buffer.from(contents as Uint8Array)
    },
  })
  if (error || !wasm) throw new Error(`The kernels do not compile: ${stderr.toString() || error}`)
  return wasm
}
