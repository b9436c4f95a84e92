import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { numberOf } from '../../decode/plain'
import { finding } from '../../finding'
import type { Rule } from '../rule'

/** An optimizer that should have moments by now and has none: it was made anew, or saved before it ever stepped. */
export const emptyState: Rule = {
  ids: ['optimizer/empty-state'],
  needs: 'structure',
  *check({ checkpoint }) {
    for (const optimizer of checkpoint.state.optimizers) {
      const count = optimizer.groups.reduce((sum, { params }) => sum + params.length, 0)
      const steps = stepsTaken(checkpoint, optimizer)
      if (optimizer.parameters.length > 0 || count === 0 || steps === undefined) continue
      yield finding(
        'optimizer/empty-state',
        optimizer.file,
        `The optimizer in ${optimizer.file} keeps nothing for its ${count} parameters, although training has taken ${steps} steps`,
        { evidence: { parameters: count, step: steps } },
      )
    }
  },
}

/** Settings of optimizers that keep something of every parameter from the first step on (torch 2.13, transformers' Adafactor). */
const ADAPTIVE = [
  ...['betas', 'rho', 'alpha', 'etas', 'lr_decay', 'lambd', 'ns_steps'],
  ...['beta2_decay', 'scale_parameter'],
]

/** Steps after which this optimizer must have a state. Undefined where it need not have one. */
function stepsTaken({ state, components }: Checkpoint, { groups }: OptimizerState): number | undefined {
  const hyper = groups[0]?.hyper ?? {}
  const adaptive = ADAPTIVE.some((key) => hyper[key] !== undefined)
  const momentum = (numberOf(hyper.momentum) ?? 0) > 0
  if (!adaptive && !momentum) return undefined
  // Plain momentum says less, and a scheduler can step without its optimizer: then the weights' own count has to tell.
  const weights = components.some(({ id, status }) => (id === 'weights' || id === 'adapter') && status === 'present')
  if (!adaptive && !weights) return undefined
  const counts = state.counters.filter(({ source }) => adaptive || !/^(optimizer|scheduler)\./.test(source))
  const most = Math.max(0, ...counts.map(({ value }) => value))
  return most > 0 ? most : undefined
}
