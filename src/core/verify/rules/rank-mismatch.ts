import { finding } from '../../finding'
import { type Factor, loraOf, ranksOf } from '../adapter/lora'
import type { Rule } from '../rule'
import { shapeText } from '../text'

/** LoRA factors of another rank than adapter_config.json gives their module: PEFT makes them by the config and cannot load these. */
export const rankMismatch: Rule = {
  ids: ['adapter/rank-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const lora = loraOf(checkpoint)
    if (!lora) return
    const matrices = lora.factors.filter(({ tensor }) => tensor.shape.length > 1)
    const odd = matrices.filter((factor) => {
      const wanted = ranksOf(factor, lora)
      return wanted.length > 0 && !wanted.includes(rankOf(factor))
    })
    const [first] = odd
    if (!first) return
    const { name, shape } = first.tensor
    const example = `${name} is ${shapeText(shape)}, a rank of ${rankOf(first)}; r is ${ranksOf(first, lora).join(' or ')}`
    yield finding(
      'adapter/rank-mismatch',
      odd.length === 1 ? name : 'adapter_config.json',
      `${odd.length} of ${matrices.length} LoRA factors have another rank than adapter_config.json gives them: ${example}`,
      {
        evidence: {
          r: lora.rank,
          factors: odd.slice(0, 50).map(({ tensor }) => ({ name: tensor.name, shape: [...tensor.shape] })),
          count: odd.length,
        },
      },
    )
  },
}

function rankOf({ tensor, side }: Factor): number {
  return tensor.shape[side === 'A' ? 0 : 1] as number
}
