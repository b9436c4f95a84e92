import { isFloating } from '../checkpoint/dtype'
import { numel, sameShape, type Tensor } from '../checkpoint/tensor'
import type { Context } from './context'
import { isFilled, lackedMoments, referenceTo } from './sources'

/** A weight that nothing by itself shows to be wrong, and the shape that it has elsewhere. */
export interface Contradicted {
  readonly tensor: Tensor
  readonly shape: readonly number[]
}

/**
 * Weights that have another shape in the reference or in the rest of the run, where the optimizer keeps moments of that shape for
 * which it has no weight. Either the weight was spoilt, or the model was changed and its optimizer was not. Reads no values.
 */
export async function contradictedWeights(context: Context): Promise<Contradicted[]> {
  const { checkpoint, weights, diagnoses, losses, verification, reference, shapes } = context
  const over = verification.findings.filter(({ rule }) => rule === 'optimizer/shape-mismatch')
  if (over.length === 0) return []
  const models = [reference, ...(await context.neighbours()).map((other) => referenceTo(checkpoint, other))]
  return weights.flatMap((tensor): Contradicted[] => {
    const isOdd = diagnoses.has(tensor) || losses.get(tensor.file)?.has(tensor) || shapes.has(tensor.name)
    if (isOdd || !isFloating(tensor.dtype) || numel(tensor.shape) === 0) return []
    const model = models.map((each) => each?.of(tensor)).find((each) => each !== undefined)
    if (!model || sameShape(model.shape, tensor.shape) || !isFilled(model)) return []
    const isKept = over.some(({ rule, subject }) => lackedMoments(rule, subject, model, verification))
    return isKept ? [{ tensor, shape: model.shape }] : []
  })
}
