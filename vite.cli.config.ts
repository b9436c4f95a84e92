import { defineConfig } from 'vite'
import { simd } from './vite.simd.ts'

/** The command: CommonJS for Node 18 on, every JavaScript dependency inside, only native packages outside. */
export default defineConfig({
  publicDir: false,
  plugins: [simd()],
  ssr: { noExternal: true, external: ['koffi', 'electron'] },
  build: {
    ssr: 'src/cli/assay.ts',
    outDir: 'out/cli',
    emptyOutDir: true,
    target: 'node18',
    minify: true,
    rolldownOptions: {
      output: {
        format: 'cjs',
        entryFileNames: 'assay.cjs',
        chunkFileNames: '[name]-[hash].cjs',
        banner: (chunk) => (chunk.isEntry ? '#!/usr/bin/env node' : ''),
      },
    },
  },
})
