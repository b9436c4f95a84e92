import type { OptimizerState } from '../../checkpoint/checkpoint'
import { numel } from '../../checkpoint/tensor'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'
import { diagnose } from '../shapes/diagnosis'
import { MOMENT_SLOTS, weightsOf } from '../shapes/evidence'
import { list, shapeText } from '../text'
import { isWhole } from './missing-tensor'

/**
 * Moments whose shapes are not those of the weights: the optimizer of another model. Loading does not look at shapes, the
 * first step fails. Shapes are compared as a multiset, because the order of the parameters is not that of the weights;
 * weights without moments are frozen or unused, which is nobody's fault.
 */
export const optimizerShapeMismatch: Rule = {
  ids: ['optimizer/shape-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { optimizers } = checkpoint.state
    const weights = optimizers.length > 0 ? weightsOf(checkpoint) : []
    if (weights.length === 0 || diagnose(checkpoint).length > 0 || !isWhole(checkpoint)) return
    const own = new Map<string, number>()
    for (const { shape } of weights) own.set(String(shape), (own.get(String(shape)) ?? 0) + 1)
    const values = weights.reduce((sum, { shape }) => sum + numel(shape), 0)
    // Each by itself: two optimizers may share parameters.
    for (const optimizer of optimizers) {
      const free = new Map(own)
      let valuesLeft = values
      const strangers: (readonly number[])[] = []
      const shapes = shapesOf(optimizer)
      for (const shape of shapes) {
        const left = free.get(String(shape)) ?? 0
        if (left > 0) free.set(String(shape), left - 1)
        else strangers.push(shape)
        valuesLeft -= numel(shape)
      }
      // Some libraries join matrices in memory and split them when they save: then the sizes add up all the same.
      if (strangers.length * 2 > shapes.length || (strangers.length > 0 && valuesLeft < 0)) {
        yield mismatch(optimizer, strangers, shapes.length)
      }
    }
  },
}

function mismatch({ file }: OptimizerState, strangers: readonly (readonly number[])[], all: number): Finding {
  const shapes = [...new Set(strangers.map(shapeText))]
  return finding(
    'optimizer/shape-mismatch',
    file,
    `${strangers.length} of ${all} moments in ${file} have shapes that no weight has: ${list(shapes)}. They belong to another model`,
    { evidence: { strangers: strangers.length, moments: all, shapes: shapes.slice(0, 50) } },
  )
}

/** The shape of each parameter that keeps a moment of its own shape; factored and flat ones tell nothing. */
function shapesOf({ parameters }: OptimizerState): (readonly number[])[] {
  return parameters.flatMap(({ tensors }) => {
    const slot = MOMENT_SLOTS.find((each) => tensors[each])
    const moment = slot === undefined ? undefined : tensors[slot]
    return moment && moment.shape.length > 0 && numel(moment.shape) > 0 ? [moment.shape] : []
  })
}
