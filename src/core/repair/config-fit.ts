import type { Checkpoint } from '../checkpoint/checkpoint'
import { sameShape } from '../checkpoint/tensor'
import type { Plain } from '../decode/plain'
import { loraOf } from '../verify/adapter/lora'
import { fitOf, weightsByName } from '../verify/architectures/fit'
import { misfitOf } from '../verify/architectures/misfit'

/** Whether a config from elsewhere is that of the tensors of a checkpoint: what agrees, or what speaks against it, where either is known. */
export interface ConfigFit {
  readonly agrees?: string
  readonly doubt?: string
}

/** Holds a config.json against the weights. Looks at names and shapes. */
export function modelConfigFit(checkpoint: Checkpoint, config: Plain | undefined): ConfigFit {
  const misfit = misfitOf({ ...checkpoint, ...(config !== undefined && { config }) })
  if (misfit) return { doubt: `it describes another model than these weights: ${misfit.why}` }
  const match = fitOf(config, weightsByName(checkpoint))
  if (!match || match.present.size === 0) return {}
  const off = [...match.present].filter(([tensor, { shape }]) => !sameShape(tensor.shape, shape))
  return off.length === 0 ? { agrees: `the shapes of all ${match.present.size} weights are as it says` } : {}
}

/** Holds an adapter_config.json against the factors: its `r` is the first dimension of every A. */
export function adapterConfigFit(checkpoint: Checkpoint, config: Plain | undefined): ConfigFit {
  const lora = loraOf({ ...checkpoint, ...(config !== undefined && { config }) })
  const matrices = lora?.factors.filter(({ tensor }) => tensor.shape.length === 2) ?? []
  if (!lora || matrices.length === 0 || lora.rank === undefined || lora.rankPattern.size > 0) return {}
  const odd = matrices.filter(({ tensor, side }) => tensor.shape[side === 'A' ? 0 : 1] !== lora.rank)
  if (odd.length === 0) return { agrees: `its rank of ${lora.rank} is that of all ${matrices.length} factors here` }
  return { doubt: `its rank is ${lora.rank}, and ${odd.length} of ${matrices.length} factors here have another` }
}
