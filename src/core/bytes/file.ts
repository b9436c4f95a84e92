import { readSync } from 'node:fs'
import { changed, Descriptor } from './descriptor'
import { type Mapping, mapFile } from './mapping'
import { ReadAhead } from './read-ahead'
import { checkRange, type FileOnDisk, type FilePlace, type FileSource } from './source'
import { unreadable } from './system-error'

/** The most one system call is asked for: Linux reads at most 2^31 - 4096 bytes, Node takes lengths below 2^31. */
const LARGEST_READ = 2 ** 30

/** Up to here, a few reads cost less than a mapping. */
const SMALL = 2 ** 18

/**
 * Opens a file for reading by position, in a time that does not depend on its size. `name` is what messages call it. It is mapped
 * into memory only to be compared where it lies. Throws AssayError `file/unreadable`; a read throws also `file/truncated` and
 * `file/changed` when the file does not stay as it was when it was opened.
 */
export function openFile(path: string, name: string = path): FileSource {
  const descriptor = new Descriptor(path, name)
  let mapping: Mapping | undefined
  let mapped = descriptor.size <= SMALL
  const isWhole = () => {
    try {
      descriptor.take(descriptor.size)
      return true
    } catch {
      return false
    }
  }
  const ahead = new ReadAhead(descriptor.size, (offset, target) =>
    readFully(descriptor.takeSoon(offset + target.byteLength), offset, target, name),
  )
  const place: FilePlace = {
    file: descriptor.file,
    offset: 0,
    readNow(offset, target) {
      if (target.byteLength === 0) return
      // Also where the bytes are at hand: a file that changed must not go on.
      descriptor.takeSoon(offset + target.byteLength)
      ahead.read(offset, target)
    },
    descriptor: (end) => descriptor.takeOwn(end),
    mapping(end) {
      const fd = descriptor.take(end)
      if (!mapped) mapping = mapFile(fd, descriptor.size, isWhole)
      mapped = true
      return mapping
    },
  }
  return {
    name,
    size: descriptor.size,
    locate: () => place,
    async read(offset, target) {
      checkRange(this, offset, target.byteLength)
      if (target.byteLength === 0) return
      readFully(descriptor.take(offset + target.byteLength), offset, target, name)
    },
    close() {
      descriptor.close()
      mapping?.unmap()
      mapping = undefined
    },
  }
}

/**
 * Reads files that were opened elsewhere, by position, in a thread of its own: each is opened at its first read, and must still
 * be what it was there. Throws AssayError `file/unreadable`, `file/truncated`, `file/changed`.
 */
export class FileReader {
  readonly #open = new Map<string, Descriptor>()

  read(file: FileOnDisk, offset: number, target: Uint8Array): void {
    let descriptor = this.#open.get(file.path)
    if (descriptor?.file.mtimeMs !== file.mtimeMs) {
      descriptor?.close()
      descriptor = new Descriptor(file.path, file.name, file)
      this.#open.set(file.path, descriptor)
    }
    readFully(descriptor.takeSoon(offset + target.byteLength), offset, target, file.name)
  }

  close(): void {
    for (const descriptor of this.#open.values()) descriptor.close()
    this.#open.clear()
  }
}

function readFully(fd: number, offset: number, target: Uint8Array, name: string): void {
  let done = 0
  while (done < target.byteLength) {
    const length = Math.min(target.byteLength - done, LARGEST_READ)
    let got: number
    try {
      got = readSync(fd, target, done, length, offset + done)
    } catch (error) {
      throw unreadable(error, name)
    }
    if (got === 0) throw changed(name, 'shrank while it was read')
    done += got
  }
}
