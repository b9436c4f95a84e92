import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { weightsOf } from '../shapes/evidence'
import { MOMENT_SLOTS } from '../shapes/moments'
import { distinct, isTrained, orderedBySize } from './names'

/** A moment whose values lie in one dimension, and the shape of the weight it is of. */
export interface FlatMoment {
  readonly tensor: Tensor
  readonly shape: readonly number[]
}

/**
 * Moments of an optimizer that lie in one dimension where their weights have several, with as many values. None unless every
 * parameter has a weight of its size, and its shape is beyond doubt: by the known order of the parameters, or because all
 * weights of that size have one shape. One rank's parts have other sizes.
 */
export function flatMoments(checkpoint: Checkpoint, optimizer: OptimizerState): readonly FlatMoment[] {
  const inOrder = orderedBySize(checkpoint, optimizer)
  const bySize = new Map<number, Set<string>>()
  const shapes = new Map<string, readonly number[]>()
  for (const { shape } of distinct(weightsOf(checkpoint).filter(isTrained))) {
    bySize.set(numel(shape), (bySize.get(numel(shape)) ?? new Set()).add(String(shape)))
    shapes.set(String(shape), shape)
  }
  const flat: FlatMoment[] = []
  for (const { key, tensors } of optimizer.parameters) {
    const moments = Object.values(tensors).filter(({ dtype, shape }) => shape.length > 0 && isFloating(dtype))
    const sizes = new Set(moments.map(({ shape }) => numel(shape)))
    const [size] = sizes
    if (size === undefined) continue
    if (sizes.size > 1 || MOMENT_SLOTS.every((slot) => tensors[slot] === undefined)) return []
    const alike = [...(bySize.get(size) ?? [])]
    const own = alike.length === 1 ? shapes.get(alike[0] as string) : inOrder?.get(key)
    if (!own) return []
    for (const tensor of moments) {
      if (tensor.shape.length === 1 && own.length > 1) flat.push({ tensor, shape: own })
      else if (String(tensor.shape) !== String(own)) return []
    }
  }
  return flat
}
