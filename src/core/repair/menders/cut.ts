import { byteLength, contiguousStrides, type Tensor } from '../../checkpoint/tensor'
import { replicated } from '../../verify/rules/replicated'
import { shapeText } from '../../verify/text'
import { Values } from '../../verify/values'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Keeps the first of several equal copies that a gather has joined. */
export async function cut(context: Context): Promise<Proposal[]> {
  const { weights, diagnoses } = context
  const equal = await equalCopies(context)
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

/** What was found of tensors that hold equal copies, by name. Reads their values, unless the verification has. */
async function equalCopies({ checkpoint, verification, kernel, diagnoses, progress, signal }: Context) {
  const equal = new Map<string, string>()
  const told = verification.findings.filter(({ rule }) => rule === 'weights/replicated')
  if (verification.deep) return new Map(told.map(({ subject, message }) => [subject, message]))
  const values = new Values(checkpoint, kernel, signal)
  for (const { kind, tensor } of diagnoses.values()) if (kind === 'multiple') progress.expect(byteLength(tensor))
  const onBytes = (bytes: number, name: string) => progress.add(bytes, name)
  const found = replicated.check({ checkpoint, values, onBytes, ...(signal && { signal }) })
  for await (const { subject, message } of found) {
    equal.set(subject, message)
  }
  return equal
}

/** The leading values of a one-dimensional tensor as a tensor of this shape. */
function firstCopy(tensor: Tensor, shape: readonly number[]): Tensor | undefined {
  const [block] = tensor.blocks
  if (!block || tensor.blocks.length > 1 || tensor.shape.length !== 1) return undefined
  const step = block.strides[0] ?? 1
  const strides = contiguousStrides(shape).map((stride) => stride * step)
  return { ...tensor, shape, blocks: [{ ...block, shape, strides, start: shape.map(() => 0) }] }
}
