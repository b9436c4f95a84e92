import { defineConfig } from 'vite'
import { simd } from './vite.simd.ts'

/** The fuzzer and the process that it opens files in: our own code bundled, packages as they are installed. */
export default defineConfig({
  logLevel: 'warn',
  publicDir: false,
  plugins: [simd()],
  build: {
    ssr: true,
    outDir: 'out/fuzz',
    emptyOutDir: true,
    target: 'node20',
    sourcemap: true,
    rolldownOptions: {
      input: { main: 'test/fuzz/main.ts', worker: 'test/fuzz/worker.ts' },
      output: { format: 'es', entryFileNames: '[name].mjs', chunkFileNames: '[name]-[hash].mjs' },
    },
  },
})
