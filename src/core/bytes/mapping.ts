import { inThread, libc, type SystemCall } from './libc'

/** The system calls behind a mapped file. Addresses are numbers: those of user space are below 2^53. */
interface Memory {
  mmap(address: null, length: number, protection: number, flags: number, fd: number, offset: number): number
  munmap(address: number, length: number): number
  memcpy(target: Uint8Array, address: number, length: number): void
  memcmp: SystemCall
  madvise(address: number, length: number, advice: number): number
}

const PROT_READ = 1
const MAP_PRIVATE = 2
const MAP_FAILED = 2 ** 64
const MADV_DONTNEED = 4

/** Pages of every system are this long or divide it. */
export const PAGE = 2 ** 16

/** Pages touched count as memory of the process until it lets go of them, so it does after this many bytes. */
const MOST_RESIDENT = 2 ** 26

let memory: Memory | undefined | null = null

function systemMemory(): Memory | undefined {
  if (memory !== null) return memory
  const system = libc()
  memory = system && {
    mmap: system.func('mmap', 'uintptr_t', ['void *', 'size_t', 'int', 'int', 'int', 'int64_t']),
    munmap: system.func('munmap', 'int', ['uintptr_t', 'size_t']),
    memcpy: system.func('memcpy', 'void', ['void *', 'uintptr_t', 'size_t']),
    memcmp: system.func('memcmp', 'int', ['uintptr_t', 'uintptr_t', 'size_t']),
    madvise: system.func('madvise', 'int', ['uintptr_t', 'size_t', 'int']),
  }
  return memory
}

/**
 * A file mapped into memory, for reading. Bytes are copied into buffers made by JavaScript and never exposed in place:
 * Electron (since 21, V8 memory cage) aborts on buffers over foreign memory. A file that shrinks under its mapping kills the
 * process with SIGBUS when the lost part is touched: ask the descriptor for the size before each call.
 */
export class Mapping {
  #resident = 0
  /** Comparisons under way in other threads. */
  #users = 0
  #isWanted = true

  constructor(
    private readonly system: Memory,
    private readonly address: number,
    private readonly size: number,
  ) {}

  copy(offset: number, target: Uint8Array): void {
    this.system.memcpy(target, this.address + offset, target.byteLength)
    this.#touched(target.byteLength)
  }

  /**
   * Whether `length` bytes from `offset` on are those of `other` from `at` on: neither is copied, and another thread compares them.
   * Neither file may shrink until it has: keep `length` small.
   */
  async isEqual(offset: number, other: Mapping, at: number, length: number): Promise<boolean> {
    this.#users++
    other.#users++
    try {
      return (await inThread(this.system.memcmp, this.address + offset, other.address + at, length)) === 0
    } finally {
      this.#leave(offset, length)
      other.#leave(at, length)
    }
  }

  /** Once no other thread looks at it any more. */
  unmap(): void {
    this.#isWanted = false
    if (this.#users === 0) this.system.munmap(this.address, this.size)
  }

  #leave(offset: number, length: number): void {
    const from = offset - (offset % PAGE)
    this.system.madvise(this.address + from, offset + length - from, MADV_DONTNEED)
    this.#users--
    if (!this.#isWanted) this.unmap()
  }

  /** The bytes stay in the system's cache; only this process forgets them. */
  #touched(bytes: number): void {
    this.#resident += bytes
    if (this.#resident < MOST_RESIDENT) return
    this.system.madvise(this.address, this.size, MADV_DONTNEED)
    this.#resident = 0
  }
}

/**
 * Maps `size` bytes (more than 0) of an open descriptor from `offset` on, which must be a multiple of `PAGE`, or returns undefined
 * where the system cannot.
 */
export function mapFile(fd: number, size: number, offset = 0): Mapping | undefined {
  const system = systemMemory()
  if (!system) return undefined
  const address = Number(system.mmap(null, size, PROT_READ, MAP_PRIVATE, fd, offset))
  return address > 0 && address < MAP_FAILED - 4096 ? new Mapping(system, address, size) : undefined
}
