import type { Checkpoint } from '../checkpoint/checkpoint'
import { adapterBeside } from './adapter'
import { chosenOf } from './models'
import { isUntied } from './ties'

/** Which ways to export a checkpoint mean something for it. */
export interface ExportOffers {
  /** config.json ties a head and an embedding that are two tensors. */
  readonly tie: boolean
  /** Tensors share their values. */
  readonly untie: boolean
  /** A LoRA adapter lies among the weights; `alpha`: its scaling has to be said, because no config tells it. */
  readonly onlyAdapter?: { readonly alpha: boolean }
  /** It is an adapter, which a base can take. */
  readonly merge: boolean
}

/** Looks at names, shapes and the config. */
export async function exportOffers(checkpoint: Checkpoint): Promise<ExportOffers> {
  const tensors = chosenOf(checkpoint)
  const merge = tensors.some(({ component }) => component === 'adapter')
  const onlyAdapter = merge ? undefined : await adapterBeside(checkpoint)
  const storages = tensors.flatMap(({ file, storage }) => (storage ? [`${file}\0${storage.key}`] : []))
  return {
    tie: isUntied(checkpoint, tensors),
    untie: new Set(storages).size < storages.length,
    ...(onlyAdapter && { onlyAdapter }),
    merge,
  }
}
