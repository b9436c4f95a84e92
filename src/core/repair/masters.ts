import type { Checkpoint, OptimizerState } from '../checkpoint/checkpoint'
import { itemSize } from '../checkpoint/dtype'
import { sameShape, type Tensor } from '../checkpoint/tensor'
import { parameterNames } from '../verify/optimizer/names'

/** A weight as the optimizer keeps it, more exactly than the model does. */
export interface Master {
  readonly values: Tensor
  /** File of the optimizer. */
  readonly file: string
}

/**
 * Slots in which optimizers for training in 16 bits keep the weights in 32: apex FusedAdam, Megatron's distributed optimizer,
 * and as it is put together here that of DeepSpeed (`fp32`).
 */
const MASTER = /^(master_params?|fp32_param|param|fp32)$/

const known = new WeakMap<Checkpoint, ReadonlyMap<string, readonly Master[]>>()

/** The masters in the optimizers of a checkpoint by the name of the weight, where it is sure which parameter is which. */
export function mastersByName(checkpoint: Checkpoint): ReadonlyMap<string, readonly Master[]> {
  const made = known.get(checkpoint) ?? collected(checkpoint)
  known.set(checkpoint, made)
  return made
}

function collected(checkpoint: Checkpoint): Map<string, Master[]> {
  const masters = new Map<string, Master[]>()
  for (const optimizer of checkpoint.state.optimizers) {
    const { names, sure } = parameterNames(checkpoint, optimizer)
    if (!sure) continue
    const listed = listedMasters(checkpoint, optimizer)
    for (const { key, tensors } of optimizer.parameters) {
      const slot = Object.keys(tensors).find((each) => MASTER.test(each))
      const values = slot === undefined ? listed.get(key) : tensors[slot]
      const name = names.get(key)
      if (values && name !== undefined)
        masters.set(name, [...(masters.get(name) ?? []), { values, file: optimizer.file }])
    }
  }
  return masters
}

/**
 * Lists of lists beside the state of the optimizer, a list for each group: of Megatron-LM (optimizer.py,
 * Float16OptimizerWithFloat16Params, core 0.12) and of apex (fp16_utils/fp16_optimizer.py).
 */
const LISTED = /(?:^|\.)(?:fp32_from_fp16_params|fp32_from_fp16)\.(\d+)\.(\d+)$/

/** The masters that such lists hold, by the key of the parameter; none where a group has another length than its list. */
function listedMasters({ tensors }: Checkpoint, { file, groups }: OptimizerState): Map<number | string, Tensor> {
  const masters = new Map<number | string, Tensor>()
  const counts = new Map<number, number>()
  for (const tensor of tensors) {
    const [, g, i] = (tensor.file === file && LISTED.exec(tensor.name)) || []
    if (g === undefined) continue
    counts.set(Number(g), (counts.get(Number(g)) ?? 0) + 1)
    const key = groups[Number(g)]?.params[Number(i)]
    if (key !== undefined) masters.set(key, tensor)
  }
  return groups.every(({ params }, g) => (counts.get(g) ?? 0) === params.length) ? masters : new Map()
}

/** The weights of which the optimizer keeps values of a wider dtype; a weight that is tied to such a one has the same. */
export function widerMasters(checkpoint: Checkpoint, weights: readonly Tensor[]): Map<Tensor, Master> {
  const byName = mastersByName(checkpoint)
  const found = new Map<Tensor, Master>()
  const byPlace = new Map<string, Master>()
  for (const tensor of weights) {
    const [master, another] = byName.get(tensor.name) ?? []
    if (!master || another || !sameShape(master.values.shape, tensor.shape)) continue
    if (itemSize(master.values.dtype) <= itemSize(tensor.dtype)) continue
    found.set(tensor, master)
    byPlace.set(placeOf(tensor), master)
  }
  for (const tensor of weights) {
    const master = tensor.storage && byPlace.get(placeOf(tensor))
    if (master && !found.has(tensor)) found.set(tensor, master)
  }
  return found
}

function placeOf({ file, storage, blocks: [block], shape }: Tensor): string {
  return `${file}\0${storage?.key}\0${block?.offset}\0${shape}`
}
