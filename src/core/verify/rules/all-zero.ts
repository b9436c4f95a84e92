import type { Checkpoint } from '../../checkpoint/checkpoint'
import { isFloating } from '../../checkpoint/dtype'
import { numel, type Tensor } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import { parameterNames } from '../optimizer/names'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'
import { unwrapped } from '../shapes/names'
import type { Values } from '../values'

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
        const trained = await wasTrained(tensor, checkpoint, values)
        const why = trained
          ? ', although the optimizer has trained it and its moments are not: the values were lost'
          : ''
        zero.push(
          finding('weights/all-zero', tensor.name, `All ${size} values of ${tensor.name} are zero${why}`, {
            ...(trained && { severity: 'error' as const }),
            evidence: { ...evidence, trained },
          }),
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

/**
 * Whether an optimizer, whose order of parameters is known, keeps a moment of the tensor that is not zero: then it had gradients,
 * and every step moved it away from zero. Of rates that were 0 from the first nothing is known.
 */
async function wasTrained(tensor: Tensor, checkpoint: Checkpoint, values: Values): Promise<boolean> {
  for (const optimizer of checkpoint.state.optimizers) {
    const { names, sure } = parameterNames(checkpoint, optimizer)
    const [key] = [...names].find(([, name]) => unwrapped(name) === unwrapped(tensor.name)) ?? []
    if (!sure || key === undefined || (optimizer.step ?? 0) < LEAST_STEPS) continue
    const group = optimizer.groups.find(({ params }) => params.includes(key))
    if (group?.lr === 0 && (group.initialLr ?? 0) === 0) continue
    const { exp_avg: average, momentum_buffer: momentum } =
      optimizer.parameters.find((each) => each.key === key)?.tensors ?? {}
    const moment = average ?? momentum
    const statistics = moment && (await values.statistics(moment))
    if (statistics && statistics.zeros < statistics.count) return true
  }
  return false
}

/** The first step may be taken at a rate of 0, where it warms up. */
const LEAST_STEPS = 2
