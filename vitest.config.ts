import { defineConfig } from 'vitest/config'
import { simd } from './vite.simd.ts'

export default defineConfig({
  test: {
    projects: [
      {
        plugins: [simd()],
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts', 'test/**/*.test.tsx'],
          exclude: ['test/e2e/**', 'test/interop/**'],
          environment: 'node',
          testTimeout: 30_000,
        },
      },
      {
        plugins: [simd()],
        test: { name: 'interop', include: ['test/interop/**/*.test.ts'], testTimeout: 180_000, hookTimeout: 180_000 },
      },
      {
        plugins: [simd()],
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          // A window on a machine that is busy with something else.
          expect: { poll: { timeout: 15_000 } },
          fileParallelism: false,
        },
      },
    ],
  },
})
