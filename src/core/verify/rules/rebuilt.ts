import type { ComponentId } from '../../checkpoint/checkpoint'
import { finding, type RuleId } from '../../finding'
import type { Rule } from '../rule'

const IDS: { readonly [id in ComponentId]?: RuleId } = {
  weights: 'weights/borrowed',
  optimizer: 'optimizer/rebuilt',
  scheduler: 'scheduler/rebuilt',
  scaler: 'scaler/rebuilt',
  rng: 'rng/rebuilt',
  trainer: 'trainer/rebuilt',
}

/** States that a repair made anew, and weights that it took from another checkpoint, by the marks that it left: training goes on from them, but not as if it never stopped. */
export const rebuilt: Rule = {
  ids: [
    'weights/borrowed',
    'optimizer/rebuilt',
    'scheduler/rebuilt',
    'scaler/rebuilt',
    'rng/rebuilt',
    'trainer/rebuilt',
  ],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const { file, component, how, inPart } of checkpoint.rebuilt ?? []) {
      const rule = IDS[component]
      const what = inPart ? 'has values that were not trained here' : 'was made anew by a repair'
      if (rule) yield finding(rule, file, `${file} ${what}${how === '' ? '' : `: ${how}`}`)
    }
  },
}
