import { throwIfAborted } from '../errors'
import { breathe } from './breathe'
import type { FilePlace } from './source'

/** Bytes of each side compared at a time: two milliseconds, and a thousand times what it takes to hand them to a thread. */
const STEP_BYTES = 2 ** 23
/** So few are sooner read than handed over, and most pairs that differ do so here. */
const FIRST_BYTES = 2 ** 16
/** As many as libuv keeps threads: with a step waiting for each processor none of them idles until it hears of its next. */
const LANES = 4

/** Whether two arrays hold the same bytes: the system's memcmp, some 10 GB/s. */
export function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/**
 * Whether the next `length` bytes are the same at two places. Where both files are mapped nothing is copied, and several threads
 * of the system's pool are at it. `onBytes` hears how many bytes of both were found the same. Ends, also where it throws, only when no
 * thread looks at the files any more. Throws as `ByteSource.read`, and `cancelled` a few milliseconds after `signal` has fired.
 */
export async function equalPlaces(
  a: FilePlace,
  b: FilePlace,
  length: number,
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<boolean> {
  await breathe()
  throwIfAborted(signal)
  let next = Math.min(FIRST_BYTES, length)
  let isSame = isEqualRead(a, b, 0, next)
  if (isSame) onBytes?.(2 * next)
  if (!isSame || next === length) return isSame
  const lane = async () => {
    while (isSame && next < length) {
      throwIfAborted(signal)
      const from = next
      const step = Math.min(STEP_BYTES, length - from)
      next += step
      if (await isEqualAt(a, b, from, step)) onBytes?.(2 * step)
      else isSame = false
      await breathe()
    }
  }
  const lanes = Array.from({ length: LANES }, () =>
    lane().catch((error: unknown) => {
      isSame = false
      throw error
    }),
  )
  for (const outcome of await Promise.allSettled(lanes)) if (outcome.status === 'rejected') throw outcome.reason
  return isSame
}

async function isEqualAt(a: FilePlace, b: FilePlace, offset: number, length: number): Promise<boolean> {
  const [atA, atB] = [a.offset + offset, b.offset + offset]
  const [inA, inB] = [a.mapping(atA + length), b.mapping(atB + length)]
  return (inA && inB && (await inA.isEqual(atA, inB, atB, length))) ?? isEqualRead(a, b, offset, length)
}

function isEqualRead(a: FilePlace, b: FilePlace, offset: number, length: number): boolean {
  const [bytesA, bytesB] = [new Uint8Array(length), new Uint8Array(length)]
  a.readNow(a.offset + offset, bytesA)
  b.readNow(b.offset + offset, bytesB)
  return isEqual(bytesA, bytesB)
}
