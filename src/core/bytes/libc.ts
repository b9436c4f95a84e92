import { createRequire } from 'node:module'
import type { default as Koffi } from 'koffi'

export type Libc = ReturnType<typeof Koffi.load>

let known: Libc | undefined | null = null

/** The C library of this process, or undefined where there is none to call (Windows, a machine koffi has no build for). */
export function libc(): Libc | undefined {
  if (known === null) known = loaded()
  return known
}

function loaded(): Libc | undefined {
  if (process.platform === 'win32') return undefined
  try {
    const koffi: typeof Koffi = createRequire(import.meta.url)('koffi')
    // The process itself: every C library there is (glibc, musl, libSystem) is loaded in it.
    return koffi.load(null)
  } catch {
    // Without koffi files are read and written by position instead.
    return undefined
  }
}
