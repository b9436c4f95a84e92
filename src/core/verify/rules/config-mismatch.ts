import { finding } from '../../finding'
import { misfitOf } from '../architectures/misfit'
import type { Rule } from '../rule'

/** A config.json of another model than the weights: of another kind, or of another size. */
export const configMismatch: Rule = {
  ids: ['config/mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const misfit = misfitOf(checkpoint)
    if (!misfit) return
    yield finding(
      'config/mismatch',
      'config.json',
      `config.json describes another model than these weights: ${misfit.why}`,
      { evidence: misfit.evidence },
    )
  },
}
