import { isFloating } from '../../checkpoint/dtype'
import { finding } from '../../finding'
import { matchOf } from '../architectures/match'
import type { Rule } from '../rule'
import { patternOf, unwrapped } from '../shapes/names'

/**
 * More layers, blocks or experts than the config has: parts like those the model is made of, under numbers it does not reach.
 * Other strangers are let be: heads, buffers and adapters of a training script are its own business.
 */
export const unexpectedTensor: Rule = {
  ids: ['weights/unexpected-tensor'],
  needs: 'structure',
  *check({ checkpoint }) {
    const match = matchOf(checkpoint)
    if (!match) return
    const patterns = new Set(match.order.map(patternOf).filter((pattern) => pattern.includes('*')))
    for (const { name, dtype, file } of match.strangers) {
      if (!isFloating(dtype) || !patterns.has(patternOf(unwrapped(name)))) continue
      yield finding(
        'weights/unexpected-tensor',
        name,
        `${name} is beyond what config.json gives ${match.architecture}`,
        {
          evidence: { file },
        },
      )
    }
  },
}
