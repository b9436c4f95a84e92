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
    // The process itself: every C library there is (glibc, musl, libSystem) is loaded in it.
    return koffi().load(null)
  } catch {
    // Without koffi files are read and written by position instead.
    return undefined
  }
}

/** koffi 3 takes five milliseconds to tell which of its builds is the one for this machine: the likely one is tried first. */
function koffi(): typeof Koffi {
  const load = createRequire(import.meta.url)
  const { platform, arch } = process
  try {
    return load(`@koromix/koffi-${platform}-${arch}/${platform}_${arch}/koffi.node`)
  } catch {
    return load('koffi')
  }
}

/** Numbers, addresses among them; an array stands for a pointer to what it holds. */
type Arguments = (number | bigint[])[]

/** A function of the C library. */
export interface SystemCall {
  (...values: Arguments): number | bigint
  async(...values: [...Arguments, (error: unknown, result: number | bigint) => void]): void
}

/** Finds a function when it is first asked for; undefined where the C library has none of this name. */
export function systemCall(name: string, result: string, parameters: string[]): () => SystemCall | undefined {
  let found: SystemCall | undefined | null = null
  return () => {
    if (found !== null) return found
    try {
      found = libc()?.func(name, result, parameters)
    } catch {
      found = undefined
    }
    return found
  }
}

/** What the function returns, called in another thread. What an address leads to must stay there meanwhile. */
export function inThread(call: SystemCall, ...values: Arguments): Promise<number> {
  return new Promise((resolve, reject) => {
    call.async(...values, (error, result) => (error ? reject(error) : resolve(Number(result))))
  })
}
