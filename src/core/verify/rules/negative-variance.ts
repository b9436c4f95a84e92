import { isFloating } from '../../checkpoint/dtype'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'

/** Running variances of batch norms: `running_var` of torch, `moving_variance` of Keras. */
const VARIANCE = /(^|[._/])(running_var|moving_variance)$/

/** An average of variances below zero: its bytes are damaged, or models were joined by adding and subtracting. */
export const negativeVariance: Rule = {
  ids: ['weights/negative-variance'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    for (const tensor of weightsOf(checkpoint)) {
      if (!VARIANCE.test(tensor.name) || !isFloating(tensor.dtype)) continue
      const least = (await values.statistics(tensor))?.min ?? 0
      if (!(least < 0)) continue
      yield finding(
        'weights/negative-variance',
        tensor.name,
        `${tensor.name} goes down to ${least}; a variance cannot, and its root is NaN`,
        { evidence: { file: tensor.file, min: least }, repair: 'Take the tensor from an earlier checkpoint' },
      )
    }
  },
}
