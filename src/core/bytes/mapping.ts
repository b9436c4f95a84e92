import { busErrors } from './bus-errors'
import { inThread, libc, type SystemCall } from './libc'

/** The system calls behind a mapped file. Addresses are numbers: those of user space are below 2^53. */
interface Memory {
  mmap(address: number, length: number, protection: number, flags: number, fd: number, offset: number): number | bigint
  munmap(address: number, length: number): number
  memcmp: SystemCall
  madvise(address: number, length: number, advice: number): number
  readonly faults: NonNullable<ReturnType<typeof busErrors>>
}

/** Linux's, on the processors that `busErrors` knows (asm-generic/mman-common.h). */
const PROT_READ = 1
const MAP_PRIVATE = 2
const MAP_FIXED = 16
const MAP_ANONYMOUS = 32
const MAP_FAILED = 2 ** 64
const MADV_DONTNEED = 4

/** Pages of every system are this long or divide it. */
export const PAGE = 2 ** 16

/** A thread takes two milliseconds over a few megabytes. One that takes longer waits for its turn, for the disk, or for bytes that are gone. */
const LATE_MS = 50
/** No disk is as slow: it fails. */
const LATEST_MS = 30_000

let memory: Memory | undefined | null = null

function systemMemory(): Memory | undefined {
  if (memory !== null) return memory
  const [system, faults] = [libc(), busErrors()]
  memory = system &&
    faults && {
      mmap: system.func('mmap', 'uintptr_t', ['uintptr_t', 'size_t', 'int', 'int', 'int', 'int64_t']),
      munmap: system.func('munmap', 'int', ['uintptr_t', 'size_t']),
      memcmp: system.func('memcmp', 'int', ['uintptr_t', 'uintptr_t', 'size_t']),
      madvise: system.func('madvise', 'int', ['uintptr_t', 'size_t', 'int']),
      faults,
    }
  return memory
}

/**
 * A file mapped into memory, to be compared where it lies. Its bytes are never touched in this thread: where a file shrinks under its
 * mapping, or its disk fails, the thread that touches the lost part stands still (`busErrors`) until somebody puts zeros there.
 */
export class Mapping {
  /** Comparisons under way in other threads. */
  #users = 0
  #isWanted = true
  #isGivenUp = false

  constructor(
    private readonly system: Memory,
    private readonly address: number,
    private readonly size: number,
    private readonly isWhole: () => boolean,
  ) {}

  /**
   * Whether `length` bytes from `offset` on are those of `other` from `at` on: neither is copied, and another thread compares them.
   * Undefined where it comes to no end because one of the files is not what it was, or its disk fails: to read them will tell. Keep
   * `length` small.
   */
  async isEqual(offset: number, other: Mapping, at: number, length: number): Promise<boolean | undefined> {
    const sides = [this, other]
    if (sides.some((side) => side.#isGivenUp)) return undefined
    for (const side of sides) side.#users++
    this.system.faults.wait()
    const since = performance.now()
    const watch = setInterval(() => {
      const fails = performance.now() - since > LATEST_MS
      for (const side of sides) if (fails || !side.isWhole()) side.#giveUp()
    }, LATE_MS)
    try {
      const order = await inThread(this.system.memcmp, this.address + offset, other.address + at, length)
      return sides.some((side) => side.#isGivenUp) ? undefined : order === 0
    } finally {
      clearInterval(watch)
      this.system.faults.stopWaiting()
      this.#leave(offset, length)
      other.#leave(at, length)
    }
  }

  /** Once no other thread looks at it any more. */
  unmap(): void {
    this.#isWanted = false
    if (this.#users === 0) this.system.munmap(this.address, this.size)
  }

  /** Puts zeros in the place of the file, so that threads come to their end. */
  #giveUp(): void {
    this.#isGivenUp = true
    this.system.mmap(this.address, this.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
  }

  #leave(offset: number, length: number): void {
    const from = offset - (offset % PAGE)
    this.system.madvise(this.address + from, offset + length - from, MADV_DONTNEED)
    this.#users--
    if (!this.#isWanted) this.unmap()
  }
}

/**
 * Maps `size` bytes (more than 0) of an open descriptor from `offset` on, which must be a multiple of `PAGE`, or returns undefined
 * where the system cannot. `isWhole` tells whether the file still has them.
 */
export function mapFile(fd: number, size: number, isWhole: () => boolean, offset = 0): Mapping | undefined {
  const system = systemMemory()
  if (!system) return undefined
  const address = Number(system.mmap(0, size, PROT_READ, MAP_PRIVATE, fd, offset))
  return address > 0 && address < MAP_FAILED - 4096 ? new Mapping(system, address, size, isWhole) : undefined
}
