import { finding } from '../../finding'
import { loraOf } from '../adapter/lora'
import type { Rule } from '../rule'

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
    yield finding(
      'adapter/untrained',
      first?.tensor.file ?? '',
      `All ${seconds.length} second factors (lora_B) are zero at step ${step}: nothing was trained, or the values were lost`,
      { evidence: { factors: seconds.length, step } },
    )
  },
}
