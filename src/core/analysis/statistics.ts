import type { Tensor } from '../checkpoint/tensor'
import { readBlocks } from '../checkpoint/values'
import type { Kernel, Statistics, WholeOptions } from './kernel'

type MeasureOptions = Pick<WholeOptions, 'signal' | 'onBytes' | 'exponents'>

/** Statistics of all values of a tensor. Throws AssayError as `readBlocks`: `weights/placeholder`, `file/truncated`, `cancelled` ... */
export async function statisticsOf(tensor: Tensor, kernel: Kernel, options: MeasureOptions = {}): Promise<Statistics> {
  const whole = await kernel.statisticsOf?.(tensor, options)
  if (whole) return whole
  const { signal, onBytes } = options
  const statistics = kernel.statistics(tensor.dtype, options)
  for await (const block of readBlocks(tensor, signal && { signal })) {
    statistics.update(block)
    onBytes?.(block.length)
  }
  return statistics.result()
}
