import { numel } from '../../checkpoint/tensor'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { diagnose } from '../shapes/diagnosis'
import { shapeText } from '../text'

/**
 * A vector where a matrix belongs, with another number of values, which neither a reshape nor a rank's part explains; or a
 * tensor of another shape than the config gives, where what it gives is beyond doubt.
 */
export const shapeMismatch: Rule = {
  ids: ['weights/shape-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const diagnosis of diagnose(checkpoint)) {
      if (diagnosis.kind !== 'multiple' && diagnosis.kind !== 'misshapen') continue
      const { tensor, expected } = diagnosis
      // Shorter vectors than a matrix tell too little: whether they repeat themselves is for the values to say.
      if (expected.shape.length < 2 && diagnosis.kind === 'multiple' && !diagnosis.certain) continue
      const size = numel(tensor.shape)
      const wanted = `${shapeText(expected.shape)} is expected (says ${expected.source})`
      const times = diagnosis.kind === 'multiple' ? diagnosis.times : undefined
      const message =
        tensor.shape.length > 1
          ? `${tensor.name} has the shape ${shapeText(tensor.shape)}; ${wanted}`
          : times === undefined
            ? `${tensor.name} has ${size} values in one dimension; ${wanted}, with ${numel(expected.shape)}`
            : `${tensor.name} has ${size} values in one dimension, ${times} times as many as it should: ${wanted}; it may be ${times} copies`
      yield finding('weights/shape-mismatch', tensor.name, message, {
        evidence: {
          file: tensor.file,
          numel: size,
          expected: expected.shape,
          source: expected.source,
          ...(times && { times }),
        },
      })
    }
  },
}
