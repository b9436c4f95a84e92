import { breathe } from '../../bytes/breathe'
import { equalPlaces } from '../../bytes/equal'
import type { FileOnDisk, FilePlace } from '../../bytes/source'
import { itemSize } from '../../checkpoint/dtype'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { plainBlock } from '../../checkpoint/values'
import { throwIfAborted } from '../../errors'
import type { Kernel, WholeOptions } from '../kernel'
import { addMoments, newMoments, statisticsFrom } from '../moments'
import { addPairSums, comparisonFrom, newPairSums, type PairSums } from '../pair-sums'
import { measuresUlp } from '../simd/comparison'
import { simdKernel } from '../simd/kernel'
import { type Simd, simd } from '../simd/module'
import { hasLanes } from '../simd/operand'
import { KnownPairs } from './known-pairs'
import { doPart, type Part, type Span, type Sums } from './part'
import { Pool } from './pool'

/** Bytes of the larger side that a thread takes at a time. */
const PART_BYTES = 2 ** 24
/** Less than this is done at once in this thread, sooner than another could be told of it. */
const SMALL_BYTES = 2 ** 20

/**
 * The SIMD kernel that reads for itself: tensors that lie in files as they are go from there straight into the kernels' memory,
 * small ones at once, large ones in parts, by several threads. Everything else comes block by block as for any kernel.
 */
export interface PooledKernel extends Kernel {
  readonly pool: Pool
  close(): void
}

export function pooledKernel(pool: Pool = new Pool()): PooledKernel {
  const known = new KnownPairs()
  return {
    ...simdKernel,
    pool,
    async statisticsOf(tensor, options) {
      const kernels = simd()
      const found = kernels && (await spanOf(tensor))
      if (!kernels || !found) return undefined
      const moments = newMoments()
      for (const sums of await sumsOf(pool, kernels, tensor, found, undefined, options)) {
        if ('moments' in sums) addMoments(moments, sums.moments)
      }
      return statisticsFrom(moments)
    },
    async comparisonOf(a, b, options) {
      const kernels = simd()
      const [inA, inB] = [kernels && (await spanOf(a)), await spanOf(b)]
      if (!kernels || !inA || !inB || (options.ulp && a.dtype === b.dtype && !measuresUlp(a.dtype, b.dtype)))
        return undefined
      const count = numel(a.shape)
      const isLarge = count * itemSize(a.dtype) > SMALL_BYTES
      let sums = sameBytes(inA.span, inB.span)
        ? sameSums(count)
        : isLarge && known.get(inA.span, inB.span, count, options)
      if (!sums) {
        const parts = await sumsOf(pool, kernels, a, inA, inB, options)
        sums = parts.every((part) => 'same' in part) ? sameSums(count) : newPairSums()
        for (const part of parts) if ('pairs' in part) addPairSums(sums, part.pairs)
        if (isLarge) known.put(inA.span, inB.span, count, options, sums)
      }
      const untold = options.ulp && !measuresUlp(a.dtype, b.dtype)
      return comparisonFrom(sums, untold ? { ...options, ulp: false } : options)
    },
    close: () => pool.close(),
  }
}

interface Found {
  readonly span: Span
  readonly place: FilePlace
}

/** Where the values lie in a file, contiguous and little-endian, of a dtype that there are kernels for. Throws as `readBlocks`. */
async function spanOf(tensor: Tensor): Promise<Found | undefined> {
  if (!hasLanes(tensor.dtype) || tensor.shape.includes(0)) return undefined
  const block = plainBlock(tensor)
  if (!block) return undefined
  const located = block.source.locate?.()
  const place = located instanceof Promise ? await located : located
  if (!place) return undefined
  return { place, span: { file: place.file, offset: place.offset + block.offset, dtype: tensor.dtype } }
}

async function sumsOf(
  pool: Pool,
  kernels: Simd,
  tensor: Tensor,
  a: Found,
  b: Found | undefined,
  { signal, onBytes, tolerance, ulp, exponents }: WholeOptions,
): Promise<Sums[]> {
  const options = { ...(tolerance && { tolerance }), ...(ulp && { ulp }), ...(exponents && { exponents }) }
  const count = numel(tensor.shape)
  const [sizeA, sizeB] = [itemSize(a.span.dtype), b ? itemSize(b.span.dtype) : 0]
  const whole: Part = b ? { a: a.span, b: b.span, count, options } : { a: a.span, count, options }
  const read = (file: FileOnDisk, offset: number, target: Uint8Array) =>
    (file === a.span.file ? a.place : (b ?? a).place).readNow(offset, target)
  const stopped = () => signal?.aborted === true
  const atHand = (part: Part) => doPart(kernels, part, read, stopped)
  if (count * Math.max(sizeA, sizeB) <= SMALL_BYTES) return inTurn([whole], atHand, onBytes)
  // To compare bytes where they lie costs half of measuring them, and none of it where the first differ.
  let same = 0
  if (b?.span.dtype === a.span.dtype) {
    const heard = (bytes: number) => {
      same += bytes
      onBytes?.(bytes)
    }
    if (await equalPlaces(placeOf(a), placeOf(b), count * sizeA, signal, heard)) return [{ same: count }]
  }
  const each = Math.floor(PART_BYTES / Math.max(sizeA, sizeB))
  const parts = Array.from({ length: Math.ceil(count / each) }, (_, i) =>
    partOf(whole, i * each, Math.min(each, count - i * each)),
  )
  const hear = (bytes: number) => {
    const again = Math.min(same, bytes)
    same -= again
    onBytes?.(bytes - again)
  }
  const sums = await (pool.size === 0
    ? inTurn(parts, atHand, hear)
    : together(parts, (part) => pool.run(part, signal), hear))
  // The last parts may have been done when the word to stop came.
  throwIfAborted(signal)
  return sums
}

function placeOf({ place, span }: Found): FilePlace {
  return { ...place, offset: span.offset }
}

type Hear = (bytes: number) => void

async function inTurn(parts: readonly Part[], work: (part: Part) => Sums, hear?: Hear): Promise<Sums[]> {
  const all: Sums[] = []
  for (const part of parts) {
    await breathe()
    all.push(work(part))
    hear?.(bytesOf(part))
  }
  return all
}

/** Fails, if it does, only when no part is under way any more. */
async function together(parts: readonly Part[], work: (part: Part) => Promise<Sums>, hear?: Hear): Promise<Sums[]> {
  const outcomes = await Promise.allSettled(
    parts.map(async (part) => {
      const sums = await work(part)
      hear?.(bytesOf(part))
      return sums
    }),
  )
  return outcomes.map((outcome) => {
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  })
}

function bytesOf({ a, b, count }: Part): number {
  return count * (itemSize(a.dtype) + (b ? itemSize(b.dtype) : 0))
}

function partOf({ a, b, options }: Part, from: number, count: number): Part {
  const shifted = (span: Span) => ({ ...span, offset: span.offset + from * itemSize(span.dtype) })
  return { a: shifted(a), ...(b && { b: shifted(b) }), count, options, thorough: true }
}

/** One file under whatever names (links), the same bytes of it. */
function sameBytes(a: Span, b: Span): boolean {
  const [p, q] = [a.file, b.file]
  return (
    a.dtype === b.dtype &&
    a.offset === b.offset &&
    p.ino === q.ino &&
    p.dev === q.dev &&
    p.size === q.size &&
    p.mtimeMs === q.mtimeMs &&
    p.ino !== 0
  )
}

/** What comparing bytes with themselves would find, but for values that are not finite and lengths of 0: nobody looked. */
function sameSums(count: number): PairSums {
  return { ...newPairSums(), count, a: 1, b: 1, dot: 1 }
}
