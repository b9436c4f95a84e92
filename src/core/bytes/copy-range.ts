import { inThread, systemCall } from './libc'

/** Only Linux and FreeBSD have it. */
const copyFileRange = systemCall('copy_file_range', 'int64_t', [
  ...['int', 'int64_t *', 'int', 'int64_t *', 'size_t', 'unsigned int'],
])

/** What is shorter is copied before another thread has heard of it. */
const SHORT_BYTES = 2 ** 18

/**
 * Copies bytes between two open files inside the kernel (copy_file_range(2)), which shares them where the file system can
 * (btrfs, XFS) and lets the server do it on a network drive. This thread goes on meanwhile. Returns how many it copied, perhaps
 * fewer than `length`: 0 where it does not copy between these two (two volumes, no such call, a full disk), and what writing them
 * says must be heard instead.
 */
export async function copyRange(
  from: number,
  offset: number,
  to: number,
  position: number,
  length: number,
): Promise<number> {
  const call = copyFileRange()
  if (!call) return 0
  const [source, target] = [[BigInt(offset)], [BigInt(position)]]
  const copied =
    length < SHORT_BYTES
      ? Number(call(from, source, to, target, length, 0))
      : await inThread(call, from, source, to, target, length, 0)
  return Math.max(copied, 0)
}
