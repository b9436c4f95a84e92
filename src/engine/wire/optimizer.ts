import type { TrainingState } from '../../contract/schemas'
import type { Checkpoint, OptimizerParameter, OptimizerState } from '../../core/checkpoint/checkpoint'
import { byteLength, type Tensor } from '../../core/checkpoint/tensor'
import { kindOf } from '../../core/verify/optimizer/kind'
import { parameterNames } from '../../core/verify/optimizer/names'
import { jsonNumber, wireFields } from './json'

type Wired = TrainingState['optimizers'][number]

/** More parameters than this are counted and not listed: one answer must stay one message. */
const LISTED = 20_000

export function wireOptimizer(checkpoint: Checkpoint, optimizer: OptimizerState): Wired {
  const { file, step, groups, parameters } = optimizer
  const tensors = parameters.flatMap((parameter) => Object.entries(parameter.tensors))
  const kind = kindOf(optimizer)
  const { names, how, sure } = parameterNames(checkpoint, optimizer)
  return {
    file,
    ...(kind !== undefined && { kind }),
    ...(step !== undefined && { step }),
    groups: groups.map(({ params, lr, initialLr, weightDecay, hyper }) => ({
      count: params.length,
      ...(lr !== undefined && { lr: jsonNumber(lr) }),
      ...(initialLr !== undefined && { initialLr: jsonNumber(initialLr) }),
      ...(weightDecay !== undefined && { weightDecay: jsonNumber(weightDecay) }),
      hyper: wireFields(hyper),
    })),
    parameters: parameters.length,
    bytes: tensors.reduce((sum, [, tensor]) => sum + byteLength(tensor), 0),
    moments: [...new Set(tensors.map(([name]) => name))],
    naming: { how, sure },
    states: statesOf(checkpoint, optimizer, names),
  }
}

/** Every parameter of every group, also those without a state: frozen or never used, both of which are in order. */
function statesOf(
  checkpoint: Checkpoint,
  { groups, parameters }: OptimizerState,
  names: ReadonlyMap<number | string, string>,
): Wired['states'] {
  const kept = new Map(parameters.map((parameter) => [parameter.key, parameter]))
  const places = placesOf(checkpoint)
  const keys = groups.flatMap(({ params }, group) => params.map((key) => ({ key, group })))
  return keys.slice(0, LISTED).map(({ key, group }) => {
    const name = names.get(key)
    return { key, group, ...(name !== undefined && { name }), ...slotsOf(kept.get(key), places) }
  })
}

function slotsOf(parameter: OptimizerParameter | undefined, places: ReadonlyMap<Tensor, number>) {
  const tensors = Object.entries(parameter?.tensors ?? {})
  return {
    tensors: tensors.flatMap(([slot, tensor]) => {
      const index = places.get(tensor)
      return index === undefined ? [] : [{ slot, index }]
    }),
    scalars: Object.fromEntries(
      Object.entries(parameter?.scalars ?? {}).map(([key, value]) => [key, jsonNumber(value)]),
    ),
  }
}

function placesOf({ tensors }: Checkpoint): Map<Tensor, number> {
  return new Map(tensors.map((tensor, index) => [tensor, index]))
}

const labels = new WeakMap<Checkpoint, ReadonlyMap<Tensor, string>>()

/** What tensors of the optimizer are called by the parameter they belong to: `transformer.wte.weight · exp_avg`. */
export function labelsOf(checkpoint: Checkpoint): ReadonlyMap<Tensor, string> {
  const known = labels.get(checkpoint)
  if (known) return known
  const made = new Map<Tensor, string>()
  for (const optimizer of checkpoint.state.optimizers) {
    const { names } = parameterNames(checkpoint, optimizer)
    for (const { key, tensors } of optimizer.parameters) {
      const name = names.get(key)
      for (const [slot, tensor] of Object.entries(tensors))
        if (name !== undefined) made.set(tensor, `${name} · ${slot}`)
    }
  }
  labels.set(checkpoint, made)
  return made
}
