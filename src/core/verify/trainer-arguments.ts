import type { Checkpoint } from '../checkpoint/checkpoint'
import { fieldsOf, type Plain } from '../decode/plain'

/** What training_args.bin of the Trainer says: the only entry is the object, under the name of its class. */
export function trainerArguments({ layout, state }: Checkpoint): { readonly [argument: string]: Plain } | undefined {
  if (layout !== 'trainer') return undefined
  const given = state.records.flatMap(({ value }) => Object.values(fieldsOf(value) ?? {}).map(fieldsOf))
  return given.find((each) => typeof each?.optim === 'string')
}
