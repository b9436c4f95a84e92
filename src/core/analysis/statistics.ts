import type { Tensor } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'
import type { Kernel, Statistics } from './kernel'

/**
 * Statistics of all values of a tensor. `onBytes` hears how many bytes each block had. Throws AssayError as `readBlocks`:
 * `weights/placeholder`, `file/truncated`, `cancelled` ...
 */
export async function statisticsOf(
  tensor: Tensor,
  kernel: Kernel,
  signal?: AbortSignal,
  onBytes?: (bytes: number) => void,
): Promise<Statistics> {
  const whole = await kernel.statisticsOf?.(tensor, { ...(signal && { signal }), ...(onBytes && { onBytes }) })
  if (whole) return whole
  const statistics = kernel.statistics(tensor.dtype)
  for await (const block of readBlocks(tensor, signal && { signal })) {
    statistics.update(block)
    onBytes?.(block.length)
  }
  return statistics.result()
}
