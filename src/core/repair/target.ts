import type { Copies } from '../bytes/copies'
import { createFileSink, freeBytes } from '../bytes/file-sink'
import { parentOf } from '../bytes/folder'
import { sha256 } from '../bytes/sha256'
import type { ByteSink } from '../bytes/sink'
import { AssayError } from '../errors'

/** Throws `target/no-space` when the volume of `target` has less than `bytes` free. */
export function refuseFull(target: string, bytes: number): void {
  const free = freeBytes(parentOf(target))
  if (free >= bytes) return
  throw new AssayError('target/no-space', `${target} needs ${bytes} bytes, but only ${free} are free there`, {
    file: target,
    hint: 'Free some space, or write to another disk',
  })
}

/** A file that was written. */
export interface Written {
  readonly bytes: number
  /** What of it need not be compared with its source again. */
  readonly copies?: Copies
}

/** Makes the file `path` out of what `write` puts into the sink, or no file at all when that fails. */
export async function writeFile(path: string, write: (sink: ByteSink) => Promise<void>): Promise<Written> {
  const sink = await createFileSink(path)
  try {
    await write(sink)
    await sink.commit()
  } catch (error) {
    await sink.discard()
    throw error
  }
  return { bytes: sink.position, ...(sink.copies && { copies: sink.copies }) }
}

/** The same; returns the SHA-256 of what went into the file. */
export async function writeHashed(path: string, write: (sink: ByteSink) => Promise<void>): Promise<string> {
  const hash = sha256()
  await writeFile(path, (sink) =>
    write({
      get position() {
        return sink.position
      },
      write: (bytes) => {
        hash.update(bytes)
        return sink.write(bytes)
      },
      commit: () => sink.commit(),
      discard: () => sink.discard(),
    }),
  )
  return hash.hex()
}

/** Makes the file `path` with this text. Returns its size in bytes. */
export async function writeText(path: string, text: string): Promise<number> {
  const { bytes } = await writeFile(path, (sink) => sink.write(new TextEncoder().encode(text)))
  return bytes
}
