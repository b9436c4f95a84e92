import { naturalOf } from './torch-storage'
import { isCallOf, type PyValue, sequenceOf } from './value'

/** torch allows 64 dimensions. */
const DIMENSIONS = 64

/** The integers of a `torch.Size`, a tuple or a list. Undefined unless all are integers from 0 to 2^53. */
export function torchSizeOf(value: PyValue | undefined): number[] | undefined {
  const wrapped = isCallOf(value, 'torch', 'Size') ? sequenceOf(value.args)?.[0] : value
  const items = sequenceOf(wrapped)
  if (items === undefined || items.length > DIMENSIONS) return undefined
  // Of its very length: a list that grew keeps room for 17, and a checkpoint has a hundred thousand shapes.
  const sizes = new Array<number>(items.length)
  for (let i = 0; i < sizes.length; i++) {
    const size = naturalOf(items[i] as PyValue)
    if (size === undefined) return undefined
    sizes[i] = size
  }
  return sizes
}
