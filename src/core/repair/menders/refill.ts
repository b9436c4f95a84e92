import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import { shapeText } from '../../verify/text'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Takes the values of placeholders, and tensors that are missing altogether, from the reference. */
export function refill(context: Context): Proposal[] {
  if (!context.reference) return []
  const lost = context.weights.filter((tensor) => context.diagnoses.get(tensor)?.kind === 'placeholder')
  return [...lost.map((tensor) => inPlaceOf(tensor, context)), ...additions(context)]
}

function inPlaceOf(tensor: Tensor, { reference, diagnoses }: Context): Proposal {
  const diagnosis = diagnoses.get(tensor)
  const expected = diagnosis?.kind === 'placeholder' ? diagnosis.expected : undefined
  const model = reference?.of(tensor)
  const base = {
    kind: 'copy-from-reference' as const,
    subject: tensor.name,
    action: `Take ${tensor.name} from ${reference?.name}`,
    rules: ['weights/placeholder' as const],
    others: (subject: string) => subject === tensor.file,
    before: shapeText(tensor.shape),
  }
  const not = (evidence: string): Proposal => ({ ...base, kind: 'refuse', confidence: 'refused', evidence })
  if (!model) return not(`${reference?.name} has no tensor of this name`)
  const there = `${reference?.name} has it as ${model.dtype} ${shapeText(model.shape)}`
  if (!isFilled(model)) return not(`${there}, without values`)
  if (model.dtype !== tensor.dtype) return not(`${there}; it should be ${tensor.dtype}`)
  if (expected && !sameShape(expected.shape, model.shape))
    return not(`${there}; ${expected.source} says ${shapeText(expected.shape)}`)
  return {
    ...base,
    confidence: 'likely',
    evidence: `${there}. These are the reference's values, not those that were trained here`,
    after: shapeText(model.shape),
    changes: [{ tensor, shape: model.shape, values: model }],
  }
}

function additions(context: Context): Proposal[] {
  const { reference, checkpoint } = context
  return (reference?.lacking(checkpoint.config) ?? [])
    .filter(({ values }) => isFilled(values))
    .map(({ name, values }) => {
      const there = `${reference?.name} has it as ${values.dtype} ${shapeText(values.shape)}; this checkpoint does not have it`
      const base = {
        kind: 'copy-from-reference' as const,
        subject: name,
        action: `Add ${name} from ${reference?.name}`,
        rules: ['weights/missing-tensor' as const, 'weights/layer-gap' as const],
        others: (subject: string) => name.startsWith(`${subject}.`),
        after: shapeText(values.shape),
      }
      const file = fileFor(values, context)
      if (file === undefined)
        return {
          ...base,
          confidence: 'refused',
          evidence: `${there}; it is not known which of the models it belongs to`,
        }
      const evidence = `${there}. These are the reference's values, not those that were trained here`
      return { ...base, confidence: 'likely', evidence, additions: [{ file, name, values }] }
    })
}

/** The file for a new tensor: that of the reference's name, or the only one, or the last shard. */
function fileFor(values: Tensor, { weights }: Context): string | undefined {
  const files = [...new Set(weights.map(({ file }) => file))]
  if (files.length === 1 || files.includes(values.file)) return files.includes(values.file) ? values.file : files[0]
  return files.every((file) => /-\d{5}-of-\d{5}\./.test(file)) ? files.sort().at(-1) : undefined
}

function isFilled({ shape, blocks }: Tensor): boolean {
  return numel(shape) > 0 && blocks.length > 0
}
