import { numel } from '../../checkpoint/tensor'
import { finding } from '../../finding'
import type { Rule } from '../rule'
import { diagnose } from '../shapes/diagnosis'
import { shapeText } from '../text'

/**
 * A matrix saved as a vector with all its values: a reshape restores it. Where only a bias tells of the shape, one dimension
 * is known and the others have to come from a reference.
 */
export const flattened: Rule = {
  ids: ['weights/flattened'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const diagnosis of diagnose(checkpoint)) {
      const { tensor } = diagnosis
      // That its shape is not that of its bytes is what the file was found to say.
      if (tensor.doubt) continue
      const size = numel(tensor.shape)
      const base = { file: tensor.file, numel: size }
      if (diagnosis.kind === 'flattened') {
        const { shape, source } = diagnosis.expected
        const text = shapeText(shape)
        yield finding(
          'weights/flattened',
          tensor.name,
          `${tensor.name} has one dimension of ${size} values; ${text} is expected, which holds as many (says ${source})`,
          { evidence: { ...base, shape, source }, repair: `Reshape to ${text}` },
        )
      } else if (diagnosis.kind === 'flattened-alike') {
        yield finding(
          'weights/flattened',
          tensor.name,
          `${tensor.name} has one dimension of ${size} values, in a file of which every matrix was saved so: it seems to be one; its shape is not known`,
          { evidence: base, repair: 'Reshape after a reference checkpoint, or to a shape given by hand' },
        )
      } else if (diagnosis.kind === 'flattened-rows') {
        const { rows } = diagnosis
        yield finding(
          'weights/flattened',
          tensor.name,
          `${tensor.name} has one dimension of ${size} values, but its bias has ${rows}: it is a matrix, one dimension of which is ${rows}; the others are not known`,
          {
            evidence: { ...base, rows, source: 'its bias' },
            repair: 'Reshape after a reference checkpoint, or to a shape given by hand',
          },
        )
      }
    }
  },
}
