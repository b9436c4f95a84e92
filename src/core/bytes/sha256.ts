import { createHash } from 'node:crypto'

export interface Digest {
  update(bytes: Uint8Array): void
  hex(): string
}

/** A SHA-256 digest fed in pieces. `hex` ends it. */
export function sha256(): Digest {
  const hash = createHash('sha256')
  return {
    update: (bytes) => {
      hash.update(bytes)
    },
    hex: () => hash.digest('hex'),
  }
}
