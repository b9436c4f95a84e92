import type { Checkpoint, OptimizerState } from '../../checkpoint/checkpoint'
import { type Finding, finding } from '../../finding'
import type { Rule } from '../rule'
import { diagnose } from '../shapes/diagnosis'
import { weightsOf } from '../shapes/evidence'
import { unwrapped } from '../shapes/names'
import { list } from '../text'
import { isWhole } from './missing-tensor'

/**
 * An optimizer of other parameters than the weights have: named ones that are not there, or more than there are tensors at
 * all. Fewer are in order: frozen parameters are not the optimizer's. Adapters keep less than they train (prompt encoders,
 * modules to save), so only whole models are compared.
 */
export const parameterMismatch: Rule = {
  ids: ['optimizer/parameter-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { components, state } = checkpoint
    for (const optimizer of state.optimizers) yield* strayStates(optimizer)
    const whole = components.some(({ id, status }) => id === 'weights' && status === 'present')
    const adapter = components.some(({ id, status }) => id === 'adapter' && status !== 'not-applicable')
    if (state.optimizers.length === 0 || !whole || adapter) return
    if (diagnose(checkpoint).length > 0 || !isWhole(checkpoint)) return
    const weights = weightsOf(checkpoint)
    const own = weights.map(({ name }) => unwrapped(name))
    // A module that holds the model puts its own name in front (Lightning's `model.`).
    const names = new Set([...own, ...own.map((name) => name.slice(name.indexOf('.') + 1))])
    const known = (name: string) => names.has(unwrapped(name))
    for (const optimizer of state.optimizers) {
      const told = optimizer.groups.flatMap(
        ({ names: given, params }) => given ?? params.filter((each) => typeof each === 'string'),
      )
      const strangers = told.filter((name) => !known(name))
      // Names that have nothing in common with the weights are those of another wrapper, which says nothing.
      if (strangers.length > 0 && strangers.length < told.length) yield unknownNames(optimizer, strangers, checkpoint)
    }
    if (isFlat(state.optimizers)) return
    // Each by itself: two optimizers may share parameters.
    for (const { file, groups } of state.optimizers) {
      const counted = groups.reduce((sum, { params }) => sum + params.length, 0)
      if (counted <= weights.length) continue
      yield finding(
        'optimizer/parameter-mismatch',
        file,
        `The optimizer has ${counted} parameters, the weights are ${weights.length} tensors: it is that of another model, or some of what it trains was not saved`,
        { evidence: { parameters: counted, tensors: weights.length } },
      )
    }
  },
}

/** Entries of the state for parameters that are in no group: loading drops them or fails. */
function* strayStates({ file, groups, parameters }: OptimizerState): Generator<Finding> {
  const keys = new Set(groups.flatMap(({ params }) => params))
  const stray = parameters.filter(({ key }) => !keys.has(key)).map(({ key }) => String(key))
  if (stray.length === 0 || keys.size === 0) return
  yield finding(
    'optimizer/parameter-mismatch',
    file,
    `${file} keeps a state for ${stray.length} parameters that are in none of its groups: ${list(stray)}`,
    { evidence: { stray: stray.slice(0, 1000) } },
  )
}

function unknownNames({ file }: OptimizerState, strangers: readonly string[], { name }: Checkpoint): Finding {
  const verb = strangers.length === 1 ? 'is' : 'are'
  return finding(
    'optimizer/parameter-mismatch',
    file,
    `${list(strangers)} ${verb} trained by the optimizer and not among the weights of ${name}`,
    { evidence: { names: strangers.slice(0, 1000) } },
  )
}

/** Parts of flat parameters, which have no tensor of their own. */
function isFlat(optimizers: readonly OptimizerState[]): boolean {
  return optimizers.some(({ parameters }) => parameters.some(({ key }) => /flat_param/.test(String(key))))
}
