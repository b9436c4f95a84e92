import { finding } from '../../finding'
import type { Rule } from '../rule'

/**
 * Second moments that are zero in every parameter, although the optimizer counts steps: its values were lost, or it was made
 * anew under an old count. A parameter by itself may never have had a gradient.
 */
export const zeroMoments: Rule = {
  ids: ['optimizer/empty-state'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    for (const { file, step = 0, parameters } of checkpoint.state.optimizers) {
      const moments = parameters.flatMap(({ tensors }) => tensors.exp_avg_sq ?? [])
      if (step < 1 || moments.length < 2) continue
      let zero = 0
      for (const moment of moments) {
        const statistics = await values.statistics(moment)
        if (!statistics || statistics.count === 0 || statistics.zeros < statistics.count) break
        zero++
      }
      if (zero < moments.length) continue
      yield finding(
        'optimizer/empty-state',
        file,
        `Every second moment in ${file} is zero in all ${zero} parameters, although the optimizer counts ${step} steps`,
        { evidence: { parameters: zero, step } },
      )
    }
  },
}
