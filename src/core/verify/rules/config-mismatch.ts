import type { Checkpoint } from '../../checkpoint/checkpoint'
import { type Finding, finding } from '../../finding'
import { misfitOf } from '../architectures/misfit'
import { otherClassOf } from '../architectures/other-class'
import type { Rule } from '../rule'

/** A config.json of another model than the weights: of another kind, or of another size. */
export const configMismatch: Rule = {
  ids: ['config/mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const misfit = misfitOf(checkpoint)
    if (!misfit) return yield* otherClass(checkpoint)
    yield finding(
      'config/mismatch',
      'config.json',
      `config.json describes another model than these weights: ${misfit.why}`,
      { evidence: misfit.evidence },
    )
  },
}

/** Libraries that build the model by `architectures` fail with these weights; transformers itself goes by `model_type`. */
function* otherClass(checkpoint: Checkpoint): Generator<Finding> {
  const other = otherClassOf(checkpoint)
  if (!other) return
  const { named, kind, type } = other
  const message = `architectures in config.json names ${named}, which is a ${kind} model; model_type says ${type}, and the weights are called as in one`
  yield finding('config/mismatch', 'config.json', message, {
    severity: 'warning',
    evidence: { architectures: named, said: kind, found: type },
  })
}
