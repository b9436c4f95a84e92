import type { Copies } from '../bytes/copies'
import { openFile } from '../bytes/file'
import { copyFrom } from '../write/output'
import { isCopied } from './check'
import { type Written, writeFile } from './target'

/** A file and where it is copied to; `path` is what errors call it. */
export interface Copy {
  readonly path: string
  readonly from: string
  readonly to: string
}

/** Copies a file byte for byte. `onBytes` is told the length of each piece. Throws as `writeFile` and `ByteSource.read`. */
export async function copyFile(
  { path, from, to }: Copy,
  options: { readonly signal?: AbortSignal; readonly onBytes?: (bytes: number) => void } = {},
): Promise<Written> {
  const source = openFile(from, path)
  try {
    return await writeFile(to, (sink) => copyFrom(sink, source.locate(), source.size, options))
  } finally {
    source.close()
  }
}

/** Whether a copy is what it was made of; what `copies` knows is not read again. Throws as `isCopied`. */
export async function isSameFile({ path, from, to }: Copy, copies?: Copies, signal?: AbortSignal): Promise<boolean> {
  const source = openFile(from, path)
  try {
    const made = openFile(to, path)
    try {
      return source.size === made.size && (await isCopied(source.locate(), made.locate(), made.size, copies, signal))
    } finally {
      made.close()
    }
  } finally {
    source.close()
  }
}
