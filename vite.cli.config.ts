import { fileURLToPath } from 'node:url'
import { build, defineConfig, type Plugin } from 'vite'
import { simd } from './vite.simd.ts'

const START = fileURLToPath(new URL('./src/cli/assay.ts', import.meta.url))

/**
 * The command: CommonJS for Node 20 on, every JavaScript dependency inside, only native packages outside. The program is one file, so that what V8
 * compiled of it can be kept as one, and `assay.cjs`, which starts it, another.
 */
export default defineConfig({
  publicDir: false,
  plugins: [simd(), unchecked(), start()],
  ssr: { noExternal: true, external: ['koffi', 'electron'] },
  build: {
    ssr: 'src/cli/app.ts',
    outDir: 'out/cli',
    emptyOutDir: true,
    target: 'node20',
    minify: true,
    rolldownOptions: {
      // Of a class that is not used, oRPC leaves the one that it extends, and Node loads all streams for the name.
      treeshake: { unknownGlobalSideEffects: false },
      // Most modules are never run: nothing of them is to be compiled ahead.
      optimization: { pifeForModuleWrappers: false },
      output: { format: 'cjs', codeSplitting: false, entryFileNames: 'app-[hash].cjs' },
    },
  },
})

/**
 * Puts a contract without schemas in the place of `contract/contract.ts`. The command and its engine are one program, which the compiler has
 * checked: to build the schemas, and to check with them what no process boundary was crossed by, takes longer than a small diff.
 */
function unchecked(): Plugin {
  return {
    name: 'assay-unchecked',
    enforce: 'pre',
    load(id) {
      if (!id.endsWith('/src/contract/contract.ts')) return undefined
      return "import { oc } from '@orpc/contract'\nexport const contract = new Proxy({}, { get: () => oc })"
    },
  }
}

/** Makes the program a function, as Node does with a module, and builds what calls it. */
function start(): Plugin {
  return {
    name: 'assay-start',
    async generateBundle(_, bundle) {
      const [app] = Object.values(bundle)
      if (app?.type !== 'chunk') throw new Error('There is no program to start')
      // Read byte by byte, it needs no decoding.
      const code = app.code.replace(/[^\0-\x7f]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      app.code = `(function (exports, require, module, __filename, __dirname) {${code}\n})`
      const started = await build({
        configFile: false,
        logLevel: 'warn',
        publicDir: false,
        define: { APP: JSON.stringify(app.fileName) },
        build: {
          ssr: START,
          write: false,
          target: 'node20',
          minify: true,
          rolldownOptions: { output: { format: 'cjs', banner: '#!/usr/bin/env node' } },
        },
      })
      if (!('output' in started)) throw new Error('The start does not build')
      this.emitFile({ type: 'asset', fileName: 'assay.cjs', source: started.output[0].code })
    },
  }
}
