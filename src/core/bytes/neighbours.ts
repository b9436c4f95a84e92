import { AssayError } from '../errors'
import { openFile } from './file'
import { resolveInside } from './folder'
import type { ByteSource } from './source'

/** Files that one file may name: more are of no writer. */
const MOST = 1024

/** Files beside another one, opened by the names it gives them and kept open until `close`. */
export class Neighbours {
  readonly #open = new Map<string, ByteSource>()

  /** `folder` is absolute, or undefined where there are no neighbours: a record of an archive has none. */
  constructor(private readonly folder: string | undefined) {}

  /** Throws AssayError `file/path-escape` for a name that leads out of the folder, `file/unreadable` where there is no such file. */
  open(name: string): ByteSource {
    const known = this.#open.get(name)
    if (known) return known
    if (this.folder === undefined || this.#open.size >= MOST) {
      throw new AssayError('file/unreadable', `${name} is named and cannot be looked for`, { file: name })
    }
    const source = openFile(resolveInside(this.folder, name), name)
    this.#open.set(name, source)
    return source
  }

  close(): void {
    for (const source of this.#open.values()) source.close()
    this.#open.clear()
  }
}
