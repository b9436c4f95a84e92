import { checksumText, trailerOf } from '../checksum'
import { PLACE, type Simd, STEP_BYTES } from './module'

/** Elements of the kernel: 32 bytes. */
const STRIPE = 32

/** As `referenceChecksum`. */
export function simdChecksum({ run, bytes }: Simd, block: Uint8Array): string {
  run.checksumBegin(PLACE.out)
  for (let at = 0; at < block.length; at += STEP_BYTES) {
    const part = block.subarray(at, at + STEP_BYTES)
    const end = Math.ceil(part.length / STRIPE) * STRIPE
    bytes.set(part, PLACE.a)
    bytes.fill(0, PLACE.a + part.length, PLACE.a + end)
    run.checksum(PLACE.a, end, PLACE.out)
  }
  const trailer = trailerOf(block.length)
  bytes.set(trailer, PLACE.a)
  run.checksum(PLACE.a, trailer.length, PLACE.out)
  return checksumText(new BigUint64Array(bytes.buffer, PLACE.out, 4))
}
