import { numel, sameShape, type Tensor, transposed } from '../checkpoint/tensor'
import { likenessOf, unlessCancelled } from './likeness'
import { isFilled, type Source } from './sources'

/** Two saves of one weight have a cosine near 1, in whatever order both are read; others near 0. */
const ALIKE = 0.9
/** Of fewer values such a cosine may be chance. */
const ENOUGH = 32

/**
 * The tensor's own values with rows and columns exchanged, where another save of it proves that this is what it is: of `sources`,
 * one that is nothing like the values as they lie and very much like them transposed. Reads the first values of both; throws as
 * `readBlocks`, of `cancelled`.
 */
export async function transposedOf(
  tensor: Tensor,
  sources: readonly Source[],
  signal?: AbortSignal,
): Promise<Source | undefined> {
  const [rows, columns] = tensor.shape
  if (tensor.shape.length !== 2 || rows === columns || numel(tensor.shape) < ENOUGH || !isFilled(tensor))
    return undefined
  const { storage: _, ...values } = transposed(tensor)
  for (const { id, values: model } of sources) {
    if (!sameShape(model.shape, values.shape)) continue
    const turned = await cosineOf(values, model, signal)
    const asItLies = await cosineOf(tensor, model, signal)
    if (turned === undefined || turned < ALIKE || (asItLies !== undefined && asItLies >= ALIKE)) continue
    const than = asItLies === undefined ? '' : `, and as it lies ${asItLies.toFixed(3)}`
    const evidence = `With rows and columns exchanged it is what ${id} has: over the first values the cosine is ${turned.toFixed(3)}${than}`
    return { id: 'transposed', rank: 'reading', values, place: 'itself, transposed', evidence }
  }
  return undefined
}

async function cosineOf(a: Tensor, b: Tensor, signal: AbortSignal | undefined): Promise<number | undefined> {
  const likeness = await likenessOf(a, b, signal).catch(unlessCancelled)
  return likeness?.cosine ?? undefined
}
