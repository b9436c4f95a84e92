import type { Copies } from './copies'
import type { FilePlace } from './source'

/**
 * Where a new file goes. Bytes land in a temporary file beside the target; `commit` flushes and renames it into place,
 * `discard` removes it. Until `commit` returns the target does not exist, after it the target is complete.
 */
export interface ByteSink {
  /** Bytes written so far. */
  readonly position: number
  write(bytes: Uint8Array): Promise<void>
  /**
   * Where the sink is a file: the `length` bytes from `offset` of another one, at most `LARGEST_COPY`. They go by no way through
   * this process where the system can do without, unless `onBlock` is to see them.
   */
  copy?(from: FilePlace, offset: number, length: number, onBlock?: (bytes: Uint8Array) => void): Promise<void>
  /** What was copied and is known to be in the file as it was in its source. */
  readonly copies?: Copies
  commit(): Promise<void>
  discard(): Promise<void>
}

/** Bytes copied between two looks at a signal, and compared at a time. */
export const LARGEST_COPY = 2 ** 24
