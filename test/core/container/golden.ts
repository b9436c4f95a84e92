import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type ByteSource, memorySource } from '../../../src/core/bytes/source'

/** A file of a golden case, in memory, called by its last part. */
export function golden(path: string): ByteSource & { bytes: Uint8Array } {
  const bytes = new Uint8Array(readFileSync(fileURLToPath(new URL(`../../golden/${path}`, import.meta.url))))
  return { ...memorySource(path.slice(path.lastIndexOf('/') + 1), bytes), bytes }
}

/** A source in memory that counts the bytes read from it. */
export function counted(bytes: Uint8Array, name = 'x.pt'): ByteSource & { bytesRead: number } {
  const source = memorySource(name, bytes)
  return {
    ...source,
    bytesRead: 0,
    read(offset, target) {
      this.bytesRead += target.byteLength
      return source.read(offset, target)
    },
  }
}
