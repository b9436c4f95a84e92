/**
 * What Assay throws when it cannot go on. `code` is a rule id (`file/truncated`, `pickle/malformed`, ...) so that an error
 * met while opening one file of a checkpoint becomes a finding on that file without translation.
 */
export class AssayError extends Error {
  /** A rule id of `finding.ts`, or one of the few codes that name no finding (`cancelled`, `usage`, `target/...`). */
  readonly code: string
  /** File the trouble is in, as the user named it or relative to the checkpoint. */
  readonly file?: string
  /** Byte offset in that file, where one is known. */
  readonly offset?: number
  /** What the user can do about it, a sentence. */
  readonly hint?: string

  constructor(
    code: string,
    message: string,
    where: { file?: string; offset?: number; hint?: string; cause?: unknown } = {},
  ) {
    super(shortened(message), where.cause === undefined ? undefined : { cause: where.cause })
    this.name = 'AssayError'
    this.code = code
    if (where.file !== undefined) this.file = where.file
    if (where.offset !== undefined) this.offset = where.offset
    if (where.hint !== undefined) this.hint = where.hint
  }
}

/** Throws `cancelled` if the signal has fired. Call between blocks of long work. */
export function throwIfAborted(signal?: AbortSignal): void {
  if (signal?.aborted) throw new AssayError('cancelled', 'Cancelled')
}

/**
 * Whether an error is one of the part of the work that met it, and the rest can go on: not a bug, not a cancel, and not a file that is
 * no longer what it was when it was opened, since nothing learned from it holds any more.
 */
export function isLocal(error: unknown): error is AssayError {
  return error instanceof AssayError && error.code !== 'cancelled' && error.code !== 'file/changed'
}

/** Characters of a message. */
const LONGEST_MESSAGE = 1000

/** A message that people can read: names in it come from files, and may be a megabyte. */
export function shortened(message: string): string {
  return message.length > LONGEST_MESSAGE ? `${message.slice(0, LONGEST_MESSAGE)}…` : message
}
