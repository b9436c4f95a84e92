import type { OptimizerParameter, OptimizerState } from '../checkpoint/checkpoint'
import { sameShape } from '../checkpoint/tensor'

/** What both sides call a parameter of an optimizer. */
export type KeyOf = (parameter: OptimizerParameter) => string

/**
 * Names under which the parameters of two optimizers meet. torch.optim keeps states by position in the groups, with names beside them
 * where it was built from named parameters (torch 2.6, `param_names`); FSDP and `get_optimizer_state_dict` keep them by name. Where only one side
 * knows names, positions meet them in the order of the groups, if all shapes agree.
 */
export function meetingKeys(a: OptimizerState, b: OptimizerState): { readonly a: KeyOf; readonly b: KeyOf } {
  const [inA, inB] = [namesOf(a), namesOf(b)]
  const plain: KeyOf = ({ key }) => String(key)
  if (inA && inB) return { a: byName(inA), b: byName(inB) }
  if (!inA === !inB) return { a: plain, b: plain }
  const [named, numbered] = inA ? [a, b] : [b, a]
  const names = ordered(named)
  const positions = ordered(numbered)
  const meets =
    names.length === positions.length &&
    names.every((parameter, i) => isAlike(parameter, positions[i] as OptimizerParameter))
  if (!meets) return { a: plain, b: plain }
  const found = byName((inA ?? inB) as Names)
  const called = new Map(positions.map(({ key }, i) => [key, found(names[i] as OptimizerParameter)]))
  const byPosition: KeyOf = ({ key }) => called.get(key) ?? String(key)
  return inA ? { a: found, b: byPosition } : { a: byPosition, b: found }
}

type Names = ReadonlyMap<number | string, string>

/** Names of the parameters by key; undefined where the optimizer does not tell any. */
function namesOf({ groups, parameters }: OptimizerState): Names | undefined {
  const names = new Map(groups.flatMap(({ params, names: told = [] }) => told.map((name, i) => [params[i] ?? i, name])))
  const isNamed = parameters.every(({ key }) => names.has(key) || typeof key === 'string')
  return parameters.length > 0 && isNamed ? names : undefined
}

function byName(names: Names): KeyOf {
  return ({ key }) => names.get(key) ?? String(key)
}

/** The parameters that have states, in the order of the groups. */
function ordered({ groups, parameters }: OptimizerState): OptimizerParameter[] {
  const byKey = new Map(parameters.map((parameter) => [parameter.key, parameter]))
  return groups.flatMap(({ params }) => params.flatMap((key) => byKey.get(key) ?? []))
}

function isAlike(a: OptimizerParameter, b: OptimizerParameter): boolean {
  const slots = Object.keys(a.tensors)
  return (
    slots.length === Object.keys(b.tensors).length &&
    slots.every((slot) => {
      const [left, right] = [a.tensors[slot], b.tensors[slot]]
      return left !== undefined && right !== undefined && sameShape(left.shape, right.shape)
    })
  )
}
