import { libc } from './libc'

type CopyFileRange = (
  from: number,
  offset: BigInt64Array,
  to: number,
  position: BigInt64Array,
  length: number,
  flags: number,
) => number

let system: CopyFileRange | undefined | null = null

function copyFileRange(): CopyFileRange | undefined {
  if (system !== null) return system
  try {
    const types = ['int', 'void *', 'int', 'void *', 'size_t', 'unsigned int']
    system = libc()?.func('copy_file_range', 'int64_t', types)
  } catch {
    // Only Linux and FreeBSD have it.
    system = undefined
  }
  return system
}

/**
 * Copies bytes between two open files inside the kernel (copy_file_range(2)), which shares them where the file system can
 * (btrfs, XFS) and lets the server do it on a network drive. Returns how many it copied, perhaps fewer than `length`: 0 where it
 * does not copy between these two (two volumes, no such call, a full disk), and what writing them says must be heard instead.
 */
export function copyRange(from: number, offset: number, to: number, position: number, length: number): number {
  const copy = copyFileRange()
  if (!copy) return 0
  return Math.max(
    Number(copy(from, BigInt64Array.of(BigInt(offset)), to, BigInt64Array.of(BigInt(position)), length, 0)),
    0,
  )
}
