import type { Checkpoint } from '../checkpoint/checkpoint'
import { blocksOfRuns, runsOf } from '../checkpoint/flat'
import { numel, type Tensor } from '../checkpoint/tensor'
import { architectureOf } from '../verify/architectures/blueprint'
import type { Parameter } from '../verify/architectures/parameter'
import { unwrapped } from '../verify/shapes/names'

/** What FSDP1 calls the parameters of a unit laid one behind another (torch 2.13, torch/distributed/fsdp/_common_utils.py, `FLAT_PARAM`). */
const FLAT = /(^|\.)_flat_param$/

export function isFlatParameter({ name }: Pick<Tensor, 'name'>): boolean {
  return FLAT.test(name)
}

/**
 * The parameters that lie in the flat parameters of FSDP1 (LOCAL_STATE_DICT): each unit has those below its name that are in no unit
 * below it, in the order in which the model registers them, without gaps. config.json tells order and shapes. Undefined where it
 * does not tell them exactly, or where a unit has another number of values than its parameters.
 */
export function parametersIn(checkpoint: Checkpoint, flat: readonly Tensor[]): Tensor[] | undefined {
  const architecture = architectureOf(checkpoint.config)
  if (!architecture) return undefined
  const { parameters, prefix } = architecture
  const needed = parameters.filter(({ optional }) => !optional)
  const inner = (each: Parameter) => ({ ...each, name: each.name.slice(prefix.length) })
  const bare = needed.filter(({ name }) => name.startsWith(prefix)).map(inner)
  for (const form of prefix === '' ? [parameters, needed] : [parameters, needed, bare]) {
    const cut = cutBy(form, flat)
    if (cut) return cut
  }
  return undefined
}

function cutBy(parameters: readonly Parameter[], flat: readonly Tensor[]): Tensor[] | undefined {
  const units = flat.map((tensor) => ({ tensor, prefix: unwrapped(tensor.name).replace(/_flat_param$/, '') }))
  // The innermost unit first: it takes what is below its name.
  units.sort((a, b) => b.prefix.length - a.prefix.length)
  const found = new Map<string, Tensor>()
  for (const { tensor, prefix } of units) {
    const own = parameters.filter(({ name }) => name.startsWith(prefix) && !found.has(name))
    if (own.reduce((sum, { shape }) => sum + numel(shape), 0) !== numel(tensor.shape)) return undefined
    let at = 0
    for (const { name, shape } of own) {
      const blocks = blocksOfRuns(shape, runsOf(tensor, at, numel(shape)))
      found.set(name, { ...tensor, name, shape, blocks })
      at += numel(shape)
    }
  }
  return found.size === parameters.length ? parameters.flatMap(({ name }) => found.get(name) ?? []) : undefined
}
