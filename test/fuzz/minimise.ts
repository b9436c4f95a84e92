/** Inputs tried before it is small enough. */
const MOST_TRIES = 150

/**
 * A smaller input that fails alike: chunks are left out, halving their length while none can be. `failsAlike` is asked for
 * each candidate.
 */
export async function minimise(
  bytes: Uint8Array,
  failsAlike: (candidate: Uint8Array) => Promise<boolean>,
): Promise<Uint8Array> {
  let smallest = bytes
  let tries = 0
  for (let chunk = Math.ceil(bytes.length / 2); chunk >= 1; chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)) {
    for (let end = smallest.length; end > 0; end -= chunk) {
      if (++tries > MOST_TRIES) return smallest
      const start = Math.max(0, end - chunk)
      const candidate = new Uint8Array(Buffer.concat([smallest.subarray(0, start), smallest.subarray(end)]))
      if (await failsAlike(candidate)) smallest = candidate
    }
  }
  return smallest
}
