import type { Statistics, TensorFlag, TensorRow } from '../../contract/schemas'
import type * as kernel from '../../core/analysis/kernel'
import { storedBytes, type Tensor } from '../../core/checkpoint/tensor'
import { numberOrNull } from './json'

export function wireRow(
  tensor: Tensor,
  index: number,
  flags: ReadonlyMap<number, readonly TensorFlag[]>,
  label: string | undefined,
): TensorRow {
  return {
    index,
    name: tensor.name,
    dtype: tensor.storedAs ?? tensor.dtype,
    shape: [...tensor.shape],
    bytes: storedBytes(tensor),
    file: tensor.file,
    component: tensor.component,
    flags: [...(flags.get(index) ?? [])],
    ...(label !== undefined && { label }),
  }
}

export function wireStatistics(statistics: kernel.Statistics): Statistics {
  const { count, zeros, nan, inf, denormals, min, max, mean, std, l2, exponents } = statistics
  return {
    count,
    min: numberOrNull(min),
    max: numberOrNull(max),
    mean: numberOrNull(mean),
    std: numberOrNull(std),
    l2: numberOrNull(l2),
    zeros,
    nan,
    inf,
    denormals,
    ...(exponents && {
      exponents: { first: exponents.first, positive: [...exponents.positive], negative: [...exponents.negative] },
    }),
    ...(exponents === null && { exponents }),
  }
}
