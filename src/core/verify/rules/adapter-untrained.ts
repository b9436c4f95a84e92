import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { Tensor } from '../../checkpoint/tensor'
import { finding } from '../../finding'
import { loraOf } from '../adapter/lora'
import type { Rule } from '../rule'
import { weightsOf } from '../shapes/evidence'
import type { Values } from '../values'

/** The first step may be taken at a learning rate of 0, where it warms up. */
const LEAST_STEPS = 2

/** A LoRA whose every second factor is zero, as it was before the first step: it adds nothing to the model. */
export const adapterUntrained: Rule = {
  ids: ['adapter/untrained'],
  needs: 'values',
  async *check({ checkpoint, values }) {
    const { step = 0 } = checkpoint.state
    const seconds = loraOf(checkpoint)?.factors.filter(({ side }) => side === 'B') ?? []
    if (step < LEAST_STEPS || seconds.length === 0) return
    for (const { tensor } of seconds) {
      const statistics = await values.statistics(tensor)
      if (!statistics || statistics.count === 0 || statistics.zeros < statistics.count) return
    }
    const [first] = seconds
    const tensors = seconds.map(({ tensor }) => tensor)
    const trained = await wereTrained(tensors, checkpoint, values)
    const why = trained
      ? ', although the optimizer has trained tensors of their shapes: the values were lost'
      : ': nothing was trained, or the values were lost'
    yield finding(
      'adapter/untrained',
      first?.tensor.file ?? '',
      `All ${seconds.length} second factors (lora_B) are zero at step ${step}${why}`,
      { ...(trained && { severity: 'error' as const }), evidence: { factors: seconds.length, step, trained } },
    )
  },
}

/**
 * Whether an optimizer with a rate keeps a moment that is not zero, in a shape that only second factors have: every step moved
 * them away from zero.
 */
async function wereTrained(seconds: readonly Tensor[], checkpoint: Checkpoint, values: Values): Promise<boolean> {
  const others = new Set(weightsOf(checkpoint).flatMap((each) => (seconds.includes(each) ? [] : [`${each.shape}`])))
  const own = new Set(seconds.map(({ shape }) => `${shape}`).filter((shape) => !others.has(shape)))
  for (const { groups, parameters, step = 0 } of checkpoint.state.optimizers) {
    if (step < LEAST_STEPS || groups.every(({ lr = 0, initialLr = 0 }) => lr === 0 && initialLr === 0)) continue
    for (const { tensors } of parameters) {
      const moment = tensors.exp_avg ?? tensors.momentum_buffer
      if (!moment || !own.has(`${moment.shape}`)) continue
      const statistics = await values.statistics(moment)
      if (statistics && statistics.zeros < statistics.count) return true
    }
  }
  return false
}
