import type { Comparison, ComparisonOptions, Kernel } from '../analysis/kernel'
import { itemSize } from '../checkpoint/dtype'
import type { Block, Tensor } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'

export interface CompareOptions extends ComparisonOptions {
  readonly kernel: Kernel
  readonly signal?: AbortSignal
}

/** Of the larger side. */
const BLOCK_BYTES = 2 ** 20

/**
 * Compares all values of two tensors of one shape, each in its own dtype, block by block. `onBytes` hears how many bytes of
 * both were compared. Tensors over the very same bytes are read once. Throws AssayError as `readBlocks`.
 */
export async function compareTensors(
  a: Tensor,
  b: Tensor,
  { kernel, signal, tolerance, ulp }: CompareOptions,
  onBytes?: (bytes: number) => void,
): Promise<Comparison> {
  const measuring = { ...(tolerance && { tolerance }), ...(ulp && { ulp }) }
  const whole = await kernel.comparisonOf?.(a, b, {
    ...measuring,
    ...(signal && { signal }),
    ...(onBytes && { onBytes }),
  })
  if (whole) return whole
  const comparison = kernel.comparison(a.dtype, b.dtype, measuring)
  const elements = Math.floor(BLOCK_BYTES / Math.max(itemSize(a.dtype), itemSize(b.dtype)))
  const read = (tensor: Tensor) =>
    readBlocks(tensor, { blockBytes: elements * itemSize(tensor.dtype), ...(signal && { signal }) })

  if (sameBytes(a, b)) {
    for await (const block of read(a)) {
      comparison.update(block, block)
      onBytes?.(2 * block.length)
    }
    return comparison.result()
  }
  const others = read(b)
  for await (const block of read(a)) {
    const { value: other } = await others.next()
    if (!other) break
    comparison.update(block, other)
    onBytes?.(block.length + other.length)
  }
  return comparison.result()
}

/** Whether both are the same view of the same open file: nothing to read twice. */
export function sameBytes(a: Tensor, b: Tensor): boolean {
  const box = (block: Block) =>
    `${block.offset} ${block.strides} ${block.start} ${block.shape} ${block.bigEndian ?? false}`
  return (
    a.dtype === b.dtype &&
    a.blocks.length === b.blocks.length &&
    a.blocks.every((block, i) => {
      const other = b.blocks[i]
      return other !== undefined && block.source === other.source && box(block) === box(other)
    })
  )
}
