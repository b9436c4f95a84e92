import { isFloating } from '../../checkpoint/dtype'
import { numel } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'

/** Matrices that start at zero: the second factor of an adapter, convolutions and gates that begin as if they were not there. */
const STARTS_AT_ZERO = /lora_(B|embedding_B|up)|hada_w[12]_b|lokr_w2|ia3|zero|adaln|modulation|gate|temperature|bias/i

/** Weights of modules that are nothing but one value. Vectors (biases, norms) and tokens of their own have reasons to be so. */
export const allZero: Rule = {
  ids: ['weights/all-zero', 'weights/constant'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    const untrained = checkpoint.state.step === 0
    const zero: Finding[] = []
    let matrices = 0
    for (const tensor of weightsOf(checkpoint)) {
      const size = numel(tensor.shape)
      if (tensor.shape.length < 2 || size < 16 || !isFloating(tensor.dtype) || !tensor.name.endsWith('weight')) continue
      matrices++
      const statistics = await values.statistics(tensor)
      if (!statistics || statistics.nan + statistics.inf > 0 || statistics.min !== statistics.max) continue
      const evidence = { file: tensor.file, value: statistics.min, count: size }
      if (statistics.zeros === size) {
        if (untrained || STARTS_AT_ZERO.test(tensor.name)) continue
        zero.push(
          finding('weights/all-zero', tensor.name, `All ${size} values of ${tensor.name} are zero`, { evidence }),
        )
      } else {
        yield finding('weights/constant', tensor.name, `All ${size} values of ${tensor.name} are ${statistics.min}`, {
          evidence,
        })
      }
    }
    // One module may have been left at zero on purpose; a model of nothing else has lost its values.
    const lost = matrices > 1 && zero.length === matrices
    for (const each of zero) yield lost ? { ...each, severity: 'error' } : each
  },
}
