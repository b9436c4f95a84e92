import { libc } from './libc'

/** Linux's, on the processors named below (asm-generic/signal.h). */
const SIGBUS = 7
const PROCESSORS = ['x64', 'arm64']
/**
 * Bytes of `struct sigaction` in glibc and musl on 64 bits: the handler's address first, then 128 of signals to block, flags, and
 * a word of the C library's own.
 */
const ACTION_BYTES = 152

/** What to do where a thread touches mapped bytes that their file has lost. */
interface BusErrors {
  /** From now on such a thread waits until there is other memory in the place. */
  wait(): void
  /** Once for each `wait`: after the last it ends the process again, or whatever was set before. */
  stopWaiting(): void
}

let known: BusErrors | undefined | null = null

/**
 * Undefined where this system is not known to take it. No JavaScript can run in the thread that a signal stops, so the handler is
 * usleep(3) itself: it is called with the number of the signal, sleeps so many microseconds, and the thread tries again. Only who makes
 * sure that the memory comes may call `wait`: while it lasts, any thread waits, this one too.
 */
export function busErrors(): BusErrors | undefined {
  if (known === null) known = found()
  return known
}

function found(): BusErrors | undefined {
  const system = process.platform === 'linux' && PROCESSORS.includes(process.arch) ? libc() : undefined
  if (!system) return undefined
  // A handle of 0 is RTLD_DEFAULT in both C libraries.
  const usleep = BigInt(system.func('dlsym', 'uintptr_t', ['size_t', 'str'])(0, 'usleep'))
  const set = system.func('sigaction', 'int', ['int', 'void *', 'void *'])
  const [waiting, before] = [new Uint8Array(ACTION_BYTES), new Uint8Array(ACTION_BYTES)]
  new DataView(waiting.buffer).setBigUint64(0, usleep, true)
  let users = 0
  return {
    wait() {
      if (users++ === 0) set(SIGBUS, waiting, before)
    },
    stopWaiting() {
      if (--users === 0) set(SIGBUS, before, null)
    },
  }
}
