import { inThread, systemCall } from './libc'

const INTEGERS = ['int', 'int64_t', 'int64_t']
/** Only Linux has it. */
const syncFileRange = systemCall('sync_file_range', 'int', [...INTEGERS, 'unsigned int'])
const fadvise = systemCall('posix_fadvise', 'int', [...INTEGERS, 'int'])

/** linux/fs.h: SYNC_FILE_RANGE_WRITE, and that with both of SYNC_FILE_RANGE_WAIT_BEFORE and SYNC_FILE_RANGE_WAIT_AFTER. */
const START = 2
const AND_WAIT = 7
/** linux/fadvise.h: POSIX_FADV_DONTNEED. */
const DONT_NEED = 4

/**
 * Has the system begin to put `length` bytes of an open file on the disk. False where it cannot be asked for a part of a file.
 * An error that it meets is told to whoever flushes the file by a descriptor that was open before: `fd` hears it first, so
 * it must not be the one that the flush is to be trusted by.
 */
export async function startWriting(fd: number, offset: number, length: number): Promise<boolean> {
  const call = syncFileRange()
  if (!call) return false
  await inThread(call, fd, offset, length, START)
  return true
}

/** Waits until these bytes are on their disk and lets the system's cache forget them. Of errors as `startWriting`. */
export async function letGo(fd: number, offset: number, length: number): Promise<void> {
  const [write, advise] = [syncFileRange(), fadvise()]
  if (!write || !advise) return
  await inThread(write, fd, offset, length, AND_WAIT)
  await inThread(advise, fd, offset, length, DONT_NEED)
}
