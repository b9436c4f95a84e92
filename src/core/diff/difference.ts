import { blockDecoder, valuesPerElement } from '../analysis/decode-values'
import type { Kernel, Statistics } from '../analysis/kernel'
import type { Picture } from '../analysis/picture'
import { isComplex, itemSize } from '../checkpoint/dtype'
import { sameShape, type Tensor } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'
import { AssayError } from '../errors'
import { readAs } from './reshaped'

/** How two tensors differ value by value: b - a in float64. */
export interface Difference {
  readonly statistics: Statistics
  /** Equal bins from the lowest to the highest difference; null where there is no number among them. */
  readonly histogram: { readonly min: number; readonly max: number; readonly counts: Float64Array } | null
  /** Null where there is nothing to draw. */
  readonly picture: Picture | null
}

export interface DifferenceOptions {
  readonly kernel: Kernel
  readonly bins: number
  /** Cells of the picture either way, at most. */
  readonly side: number
  readonly signal?: AbortSignal
}

const BLOCK_BYTES = 2 ** 20

/**
 * Measures b - a of two tensors of one shape, or of one tensor flattened or transposed, each in its own dtype, in one pass, and once
 * more for the histogram, which needs to know the range. Values that are equal differ by 0, NaN and infinities too.
 * Throws AssayError `usage` for tensors that have no difference: of two shapes, complex, packed against another dtype; and as `readBlocks`.
 */
export async function differenceOf(left: Tensor, b: Tensor, options: DifferenceOptions): Promise<Difference> {
  const { kernel, bins, side, signal } = options
  const a = sameShape(left.shape, b.shape) ? left : readAs(left, b)?.tensor
  if (!a || valuesPerElement(a.dtype) !== valuesPerElement(b.dtype) || isComplex(a.dtype)) {
    throw new AssayError('usage', `The values of ${left.name} cannot be set against each other one by one`, {
      hint: 'Shapes must be the same, or one of them the other flattened or transposed, and values real numbers.',
    })
  }
  const shape = a.shape.length > b.shape.length ? a.shape : b.shape
  const statistics = kernel.statistics('float64')
  const drawing = kernel.picture(
    'float64',
    [...shape.slice(0, -1), (shape.at(-1) ?? 1) * valuesPerElement(a.dtype)],
    side,
  )
  for await (const block of differences(a, b, signal)) {
    statistics.update(block)
    drawing?.update(block)
  }
  const measured = statistics.result()
  const { min, max } = measured
  if (min === null || max === null) return { statistics: measured, histogram: null, picture: null }
  const histogram = kernel.histogram('float64', min, max, bins)
  for await (const block of differences(a, b, signal)) histogram.update(block)
  return {
    statistics: measured,
    histogram: { min, max, counts: histogram.result() },
    picture: drawing?.result() ?? null,
  }
}

/** b - a as contiguous little-endian float64, block after block in one array that is used again. */
async function* differences(a: Tensor, b: Tensor, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  const elements = Math.floor(BLOCK_BYTES / Math.max(itemSize(a.dtype), itemSize(b.dtype)))
  const read = (tensor: Tensor) =>
    readBlocks(tensor, { blockBytes: elements * itemSize(tensor.dtype), ...(signal && { signal }) })
  const [decodeA, decodeB] = [blockDecoder(a.dtype), blockDecoder(b.dtype)]
  const out = new Float64Array(elements * valuesPerElement(a.dtype))
  const others = read(b)
  for await (const block of read(a)) {
    const { value: other } = await others.next()
    if (!other) return
    const [x, y] = [decodeA(block), decodeB(other)]
    for (let i = 0; i < x.length; i++) {
      const [from, to] = [x[i] as number, y[i] as number]
      out[i] = from === to || Object.is(from, to) ? 0 : to - from
    }
    yield new Uint8Array(out.buffer, 0, x.length * 8)
  }
}
