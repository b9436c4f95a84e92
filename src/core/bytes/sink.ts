import type { FilePlace } from './source'

/**
 * Where a new file goes. Bytes land in a temporary file beside the target; `commit` flushes and renames it into place,
 * `discard` removes it. Until `commit` returns the target does not exist, after it the target is complete.
 */
export interface ByteSink {
  /** Bytes written so far. */
  readonly position: number
  write(bytes: Uint8Array): Promise<void>
  /** Where the sink is a file: the `length` bytes from `offset` of another one, without a way through this process where the system can. */
  copy?(from: FilePlace, offset: number, length: number): Promise<void>
  /** Overwrites bytes already written (a header patched once the sizes are known). */
  writeAt(offset: number, bytes: Uint8Array): Promise<void>
  commit(): Promise<void>
  discard(): Promise<void>
}
