/**
 * The checksum of `Kernel` in plain TypeScript: the oracle of the fast one. Four words of 64 bits begin with the fractions of
 * the golden ratio and of the square roots of 2, 3 and 5; of each 32 bytes, mixed with them, the words of the first half are
 * multiplied by those of the second and added to the state, whose words had their halves exchanged. The bytes are filled up
 * with zeros, and four more rounds, the first with the number of bytes, spread the last ones.
 */
export function referenceChecksum(bytes: Uint8Array): string {
  const filled = new Uint8Array(Math.ceil(bytes.length / STRIPE) * STRIPE + TRAILER)
  filled.set(bytes)
  filled.set(trailerOf(bytes.length), filled.length - TRAILER)
  const data = new DataView(filled.buffer)
  const state = BigUint64Array.from(BEGIN)
  for (let at = 0; at < filled.length; at += STRIPE) {
    const words = new Uint32Array(state.buffer.slice(0))
    const mixed = words.map((word, i) => word ^ data.getUint32(at + 4 * i, true))
    for (let i = 0; i < 4; i++) {
      const exchanged = BigInt(words[2 * i] as number) * WORD + BigInt(words[2 * i + 1] as number)
      const product = BigInt(mixed[i] as number) * BigInt(mixed[i + 4] as number)
      state[i] = exchanged + (BEGIN[i] as bigint) + product
    }
  }
  return checksumText(state)
}

const STRIPE = 32
const TRAILER = 4 * STRIPE
const WORD = 2n ** 32n
const BEGIN = [0x9e3779b97f4a7c15n, 0x6a09e667f3bcc909n, 0xbb67ae8584caa73bn, 0x3c6ef372fe94f82bn]

/** What follows the bytes: how many they are, as 64 bits, and zeros. */
export function trailerOf(length: number): Uint8Array {
  const trailer = new DataView(new ArrayBuffer(TRAILER))
  trailer.setBigUint64(0, BigInt(length), true)
  return new Uint8Array(trailer.buffer)
}

/** The first two of four words, each mixed with one of the last two. */
export function checksumText([a = 0n, b = 0n, c = 0n, d = 0n]: Iterable<bigint>): string {
  return [a ^ c, b ^ d].map((word) => word.toString(16).padStart(16, '0')).join('')
}
