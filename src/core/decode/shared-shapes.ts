/** Beyond so many, sharing them saves nothing. */
const MOST_SHAPES = 2 ** 12

/**
 * The first list of each shape. A million tensors have a few dozen shapes; a list for each would take more memory than the
 * header itself. Not frozen: the methods of frozen arrays are slow (V8 11).
 */
export function sharedShapes(): (shape: readonly number[]) => readonly number[] {
  const known = new Map<string, readonly number[]>()
  return (shape) => {
    const key = shape.join()
    const first = known.get(key) ?? shape
    if (known.size < MOST_SHAPES) known.set(key, first)
    return first
  }
}
