import { sameShape, type Tensor } from '../../checkpoint/tensor'

/** What scripts call a running average of the weights: `ema`, `model_ema`, `state_dict_ema`, `swa_model`, `averaged`. */
export const AVERAGE = /(^|_)(ema|swa|averaged?|shadow)(_|$)/i

/**
 * Tensors of a running average that lies in the file beside the weights it is of: all tensors under a key that says so, where
 * another key holds the same names in the same shapes. They are no parameters of their own. None where the average is all
 * there is.
 */
export function averagesOf(weights: readonly Tensor[]): ReadonlySet<Tensor> {
  const keyOf = ({ name }: Tensor) => name.slice(0, Math.max(name.indexOf('.'), 0))
  if (!weights.some((tensor) => AVERAGE.test(keyOf(tensor)))) return new Set()
  const parts = new Map<string, Part>()
  for (const tensor of weights) {
    const key = keyOf(tensor)
    const place = `${tensor.file}\0${key}`
    const part = parts.get(place) ?? { isAverage: AVERAGE.test(key), tensors: new Map() }
    parts.set(place, part)
    part.tensors.set(tensor.name.slice(key.length + 1), tensor)
  }
  const originals = [...parts.values()].filter(({ isAverage }) => !isAverage)
  const copies = [...parts.values()].filter((part) => part.isAverage && originals.some((other) => isCopy(part, other)))
  return new Set(copies.flatMap(({ tensors }) => [...tensors.values()]))
}

interface Part {
  readonly isAverage: boolean
  /** By the name behind the key. */
  readonly tensors: Map<string, Tensor>
}

/** Whether the original has every tensor; an average may count how often it was updated beside them. */
function isCopy(part: Part, original: Part): boolean {
  return [...part.tensors].every(([name, { shape }]) => {
    const same = original.tensors.get(name)
    return same ? sameShape(same.shape, shape) : /(^|_)(n_averaged|num_updates|decay)$/.test(name)
  })
}
