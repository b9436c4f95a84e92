import type { ComponentId } from '../../checkpoint/checkpoint'
import { finding, type RuleId } from '../../finding'
import type { Rule } from '../rule'

const IDS: { readonly [id in ComponentId]?: RuleId } = {
  optimizer: 'optimizer/rebuilt',
  scheduler: 'scheduler/rebuilt',
  scaler: 'scaler/rebuilt',
  rng: 'rng/rebuilt',
  trainer: 'trainer/rebuilt',
}

/** States that a repair made anew, by the marks that it left: training goes on from them, but not as if it never stopped. */
export const rebuilt: Rule = {
  ids: ['optimizer/rebuilt', 'scheduler/rebuilt', 'scaler/rebuilt', 'rng/rebuilt', 'trainer/rebuilt'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { file, component, how } of checkpoint.rebuilt ?? []) {
      const rule = IDS[component]
      if (rule) yield finding(rule, file, `${file} was made anew by a repair${how === '' ? '' : `: ${how}`}`)
    }
  },
}
