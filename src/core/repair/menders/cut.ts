import { referenceKernel } from '../../analysis/reference'
import { contiguousStrides, type Tensor } from '../../checkpoint/tensor'
import { replicated } from '../../verify/rules/replicated'
import { shapeText } from '../../verify/text'
import { Values } from '../../verify/values'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Keeps the first of several equal copies that a gather has joined. Reads the values to see that they are equal. */
export async function cut({ checkpoint, weights, diagnoses, signal }: Context): Promise<Proposal[]> {
  const equal = new Map<string, string>()
  const values = new Values(checkpoint, referenceKernel, signal)
  for await (const { subject, message } of replicated.check({ checkpoint, values, ...(signal && { signal }) })) {
    equal.set(subject, message)
  }
  return weights.flatMap((tensor) => {
    const diagnosis = diagnoses.get(tensor)
    const message = equal.get(tensor.name)
    if (diagnosis?.kind !== 'multiple' || message === undefined) return []
    const { shape } = diagnosis.expected
    const values = firstCopy(tensor, shape)
    if (!values) return []
    const proposal: Proposal = {
      kind: 'cut',
      subject: tensor.name,
      action: `Keep the first of ${diagnosis.times} equal copies in ${tensor.name}, as ${shapeText(shape)}`,
      evidence: message,
      confidence: 'certain',
      rules: ['weights/replicated', 'weights/shape-mismatch'],
      before: shapeText(tensor.shape),
      after: shapeText(shape),
      changes: [{ tensor, shape, values }],
    }
    return [proposal]
  })
}

/** The leading values of a one-dimensional tensor as a tensor of this shape. */
function firstCopy(tensor: Tensor, shape: readonly number[]): Tensor | undefined {
  const [block] = tensor.blocks
  if (!block || tensor.blocks.length > 1 || tensor.shape.length !== 1) return undefined
  const step = block.strides[0] ?? 1
  const strides = contiguousStrides(shape).map((stride) => stride * step)
  return { ...tensor, shape, blocks: [{ ...block, shape, strides, start: shape.map(() => 0) }] }
}
