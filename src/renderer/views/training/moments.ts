import type { Statistics, TrainingState } from '../../../contract/schemas'
import { toNumber } from '../../ui/format'

export type Optimizer = TrainingState['optimizers'][number]
export type ParameterState = Optimizer['states'][number]

/** What a parameter is called: by its name, or by the number that the optimizer has for it. */
export function nameOf({ name, key }: ParameterState): string {
  return name ?? `parameter ${key}`
}

/** Whether the optimizer keeps nothing of it: it was frozen, or no loss ever reached it. */
export function isUntouched({ tensors, scalars }: ParameterState): boolean {
  return tensors.length === 0 && Object.keys(scalars).length === 0
}

/** The states worth a column: those that some parameter has, without the count of steps. */
export function slotsOf(states: readonly ParameterState[]): string[] {
  const slots = new Set(states.flatMap(({ tensors }) => tensors.map(({ slot }) => slot)))
  slots.delete('step')
  return [...slots]
}

/** Sums of squares and of absolute values, which nothing can make negative. */
const NEVER_NEGATIVE = /_sq|square|^sum$|_inf$/

/** What is wrong with a state that has these values, in a word or two. */
export function troubleOf(slot: string, { count, zeros, nan, inf, min }: Statistics): string | undefined {
  if (nan + inf > 0) return `${slot} not finite`
  if (count > 0 && zeros === count) return `${slot} all zero`
  if (NEVER_NEGATIVE.test(slot) && min !== null && toNumber(min) < 0) return `${slot} negative`
  return undefined
}

/** How the names were found, in a sentence. */
export function namingOf({ how, sure }: Optimizer['naming']): string {
  switch (how) {
    case 'stored':
      return 'The optimizer has the names itself.'
    case 'order':
      return sure
        ? 'Names by the order of the model; every shape confirms it.'
        : 'Names by the order of the model: a guess that no shape contradicts.'
    case 'shapes':
      return 'Only parameters of a shape that no other has could be named.'
    case 'unknown':
      return 'The parameters could not be named: they have the numbers that the optimizer gave them.'
  }
}
