import { AssayError } from '../errors'

const HINTS: Record<string, [string, string]> = {
  ENOENT: ['does not exist', 'Check the path; a link may point to a file that was moved.'],
  ENOTDIR: ['does not exist', 'A part of the path is a file, not a folder.'],
  EACCES: ['may not be read', 'Ask its owner for permission to read it.'],
  EPERM: ['may not be read', 'Ask its owner for permission to read it.'],
  EISDIR: ['is a folder', 'Name a file in it, or open the folder as a checkpoint.'],
  ELOOP: ['is a link that leads in a circle', 'Replace the link by the file it should point to.'],
  EMFILE: ['cannot be opened: too many files are open', 'Close other programs or raise the limit with ulimit -n.'],
  ENFILE: ['cannot be opened: too many files are open', 'Close other programs or raise the limit of the system.'],
  ENAMETOOLONG: ['has a name longer than the system takes', 'Shorten the path.'],
  EIO: ['cannot be read: the disk reports an error', 'Copy what can still be read to another disk.'],
  ESTALE: ['is gone from the network drive', 'Mount the drive again, then open the file again.'],
}

/** Errno of a failed system call (`ENOENT`), or undefined when `error` is something else. */
export function errnoOf(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : undefined
}

/** A failed open, stat or read as `file/unreadable`, with a hint for the errors people meet. AssayErrors pass through. */
export function unreadable(error: unknown, name: string): AssayError {
  if (error instanceof AssayError) return error
  const errno = errnoOf(error)
  const [what, hint] = HINTS[errno ?? ''] ?? [`cannot be read (${errno ?? String(error)})`, undefined]
  return new AssayError('file/unreadable', `${name} ${what}`, {
    file: name,
    cause: error,
    ...(hint !== undefined && { hint }),
  })
}
