import type { ByteSink } from '../../../src/core/bytes/sink'

/** A sink that keeps what is written. `start` pretends that so many bytes came before. */
export function memorySink(start = 0): ByteSink & { bytes(): Uint8Array } {
  const parts: Uint8Array[] = []
  let position = start
  return {
    get position() {
      return position
    },
    async write(bytes) {
      parts.push(bytes.slice())
      position += bytes.byteLength
    },
    async commit() {},
    async discard() {
      parts.length = 0
    },
    bytes: () => new Uint8Array(Buffer.concat(parts)),
  }
}
