import type { OptimizerState } from '../../checkpoint/checkpoint'
import { type FlatMoment, flatMoments } from '../../verify/optimizer/flat'
import { shapeText } from '../../verify/text'
import type { Context } from '../context'
import type { Proposal } from '../steps'

/** Gives flattened moments the shapes of their weights: made anew, the optimizer would lose what it has learnt. */
export function reshapeMoments(context: Context): Proposal[] {
  return context.checkpoint.state.optimizers.flatMap((optimizer) => {
    const flat = flattenedIn(optimizer, context)
    return flat.length > 0 ? [proposalFor(optimizer.file, flat)] : []
  })
}

/** The flattened moments of an optimizer with which nothing else is wrong. */
export function flattenedIn(optimizer: OptimizerState, { checkpoint, verification }: Context): readonly FlatMoment[] {
  const wrong = verification.findings.filter(
    ({ severity, subject }) => severity === 'error' && subject === optimizer.file,
  )
  const isOnlyShape = wrong.length > 0 && wrong.every(({ rule }) => rule === 'optimizer/shape-mismatch')
  return isOnlyShape ? flatMoments(checkpoint, optimizer) : []
}

function proposalFor(file: string, flat: readonly FlatMoment[]): Proposal {
  const [{ tensor, shape }] = flat as [FlatMoment]
  const count = flat.length === 1 ? '1 moment' : `${flat.length} moments`
  return {
    kind: 'reshape',
    subject: file,
    rules: ['optimizer/shape-mismatch'],
    action: `Give ${count} in ${file} the shapes of their weights`,
    evidence: `They lie in one dimension and have as many values as their weights: ${tensor.name} as ${shapeText(tensor.shape)} is of a weight of ${shapeText(shape)}`,
    confidence: 'likely',
    changes: flat.map((each) => ({ tensor: each.tensor, shape: each.shape })),
  }
}
