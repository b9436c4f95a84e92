import type { DType } from './dtype'
import type { Tensor } from './tensor'

const NARROW: ReadonlySet<DType> = new Set<DType>(['bfloat16', 'float16'])
/** Segments at the end of a name that two state dicts of one model share: `0.weight`. */
const SHARED_SEGMENTS = 2

/**
 * Tells which weights may be rounded copies of masters: mixed precision trains float32 copies of what the model keeps in 16 bits, and copies
 * them back without a gradient. Masters have the shape, and are leaves with gradients, or are called alike but for what is in front
 * (DeepSpeed's end in `fp32`).
 */
export function masteredIn(tensors: readonly Tensor[]): (tensor: Tensor) => boolean {
  const masters = new Set(
    tensors.flatMap((tensor) => {
      const { dtype, requiresGrad } = tensor
      if (dtype !== 'float32') return []
      return requiresGrad ? [shapeKey(tensor), nameKey(tensor)] : [nameKey(tensor)]
    }),
  )
  return (tensor) => NARROW.has(tensor.dtype) && (masters.has(shapeKey(tensor)) || masters.has(nameKey(tensor)))
}

function shapeKey({ shape }: Tensor): string {
  return shape.join()
}

function nameKey(tensor: Tensor): string {
  const segments = tensor.name.replace(/\.fp32$/, '').split('.')
  return `${shapeKey(tensor)} ${segments.slice(-SHARED_SEGMENTS).join('.')}`
}
