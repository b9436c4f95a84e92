import { createRequire } from 'node:module'
import type { default as Koffi } from 'koffi'

/** The system calls behind a mapped file. Addresses are numbers: those of user space are below 2^53. */
interface Memory {
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): number
  munmap(address: number, length: number): number
  memcpy(target: Uint8Array, address: number, length: number): void
  madvise(address: number, length: number, advice: number): number
}

const PROT_READ = 1
const MAP_PRIVATE = 2
const MAP_FAILED = 2 ** 64
const MADV_DONTNEED = 4

/** Pages touched count as memory of the process until it lets go of them, so it does after this many bytes. */
const MOST_RESIDENT = 2 ** 26

let memory: Memory | undefined | null = null

/** The system's calls, or undefined where there are none (Windows, a machine koffi has no build for). */
function systemMemory(): Memory | undefined {
  if (memory !== null) return memory
  memory = undefined
  if (process.platform === 'win32') return memory
  try {
    const require = createRequire(import.meta.url)
    const koffi: typeof Koffi = require('koffi')
    // The process itself: every C library there is (glibc, musl, libSystem) is loaded in it.
    const libc = koffi.load(null)
    memory = {
      mmap: libc.func('mmap', 'uintptr_t', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t']),
      munmap: libc.func('munmap', 'int', ['uintptr_t', 'size_t']),
      memcpy: libc.func('memcpy', 'void', ['void *', 'uintptr_t', 'size_t']),
      madvise: libc.func('madvise', 'int', ['uintptr_t', 'size_t', 'int']),
    }
  } catch {
    // Without koffi files are read by position instead.
  }
  return memory
}

/**
 * A file mapped into memory, for reading. Bytes are copied into buffers made by JavaScript and never exposed in place:
 * Electron (since 21, V8 memory cage) aborts on buffers over foreign memory. A file that shrinks under its mapping kills the
 * process with SIGBUS when the lost part is touched: ask the descriptor for the size before each `copy`.
 */
export interface Mapping {
  copy(offset: number, target: Uint8Array): void
  unmap(): void
}

/** Maps `size` bytes (more than 0) of an open descriptor, or returns undefined where the system cannot. */
export function mapFile(fd: number, size: number): Mapping | undefined {
  const system = systemMemory()
  if (!system) return undefined
  const address = Number(system.mmap(null, size, PROT_READ, MAP_PRIVATE, fd, 0))
  if (!(address > 0 && address < MAP_FAILED - 4096)) return undefined
  let resident = 0
  return {
    copy(offset, target) {
      system.memcpy(target, address + offset, target.byteLength)
      resident += target.byteLength
      if (resident < MOST_RESIDENT) return
      // The bytes stay in the system's cache; only this process forgets them.
      system.madvise(address, size, MADV_DONTNEED)
      resident = 0
    },
    unmap: () => {
      system.munmap(address, size)
    },
  }
}
