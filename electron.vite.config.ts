import { resolve } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig } from 'electron-vite'
import { simd } from './vite.simd.ts'

/**
 * Electron 25 (Node 18.15, Chromium 114) is the oldest runtime served: its main process has no ES modules, so everything but
 * the window is CommonJS. Every JavaScript dependency is bundled; only what is native or Electron's own stays outside.
 */
const external = ['electron', 'koffi']
const commonjs = {
  format: 'cjs',
  entryFileNames: '[name].cjs',
  chunkFileNames: '[name]-[hash].cjs',
} as const

export default defineConfig({
  main: {
    plugins: [simd()],
    build: {
      target: 'node18',
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: resolve('src/main/index.ts'), engine: resolve('src/engine/process.ts') },
        external,
        output: commonjs,
      },
    },
  },
  preload: {
    build: {
      target: 'node18',
      externalizeDeps: false,
      rolldownOptions: { input: { index: resolve('src/preload/index.ts') }, external, output: commonjs },
    },
  },
  renderer: {
    root: 'src/renderer',
    plugins: [react()],
    build: {
      target: 'chrome114',
      minify: true,
      modulePreload: { polyfill: false },
      chunkSizeWarningLimit: 4096,
      rolldownOptions: { input: resolve('src/renderer/index.html') },
    },
  },
})
