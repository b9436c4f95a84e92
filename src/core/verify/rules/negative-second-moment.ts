import { finding } from '../../finding'
import type { Rule } from '../rule'

/** Averages of squares: exp_avg_sq and its factors, and those of RMSprop, Adagrad and Adadelta. */
const SQUARES = /\.(exp_avg_sq(_row|_col)?|max_exp_avg_sq|square_avg|sum|row_var|col_var|variance)$/

/** Averages of squares below zero: parts of the state were joined in the wrong order, or its bytes are damaged. */
export const negativeSecondMoment: Rule = {
  ids: ['optimizer/negative-second-moment'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    for (const tensor of checkpoint.tensors) {
      if (tensor.component !== 'optimizer' || !SQUARES.test(tensor.name)) continue
      const least = (await values.statistics(tensor))?.min ?? 0
      if (least >= 0) continue
      yield finding(
        'optimizer/negative-second-moment',
        tensor.name,
        `${tensor.name} goes down to ${least}; squares cannot`,
        {
          evidence: { file: tensor.file, min: least },
        },
      )
    }
  },
}
