import { numel, sameShape, type Tensor } from '../../checkpoint/tensor'
import { commonWrapper, unwrapped } from './names'

/** What scripts call a running average of the weights: `ema`, `model_ema`, `state_dict_ema`, `swa_model`, `averaged`. */
export const AVERAGE = /(^|_)(ema|swa|averaged?|shadow)(_|$)/i

/** Counters that an average keeps of itself. */
const OWN = /(^|[._])(n_averaged|num_updates|decay)$/

/**
 * Tensors of a running average that lies in the file beside the weights it is of: all tensors under a key that says so, where
 * another key holds the same names in the same shapes, but for those that it has lost. They are no parameters of their own.
 * None where the average is all there is.
 */
export function averagesOf(weights: readonly Tensor[]): ReadonlySet<Tensor> {
  return new Set(pairsIn(weights).flatMap(({ average }) => [...average.tensors.values()]))
}

/** A tensor that a running average has and the weights beside it have not. */
export interface Averaged {
  /** What it would be called among the weights. */
  readonly name: string
  readonly average: Tensor
}

/** What the weights lack of their running average, which has as many tensors as they had. */
export function lackedOfAverages(weights: readonly Tensor[]): Averaged[] {
  return pairsIn(weights).flatMap(({ average, original }) =>
    [...average.tensors].flatMap(([name, tensor]): Averaged[] => {
      if (original.tensors.has(name) || OWN.test(name) || numel(tensor.shape) === 0) return []
      return [{ name: `${original.prefix}${name}`, average: tensor }]
    }),
  )
}

/** The running average of each of the weights that has one. */
export function averagesByWeight(weights: readonly Tensor[]): ReadonlyMap<Tensor, Tensor> {
  const found = new Map<Tensor, Tensor>()
  for (const { average, original } of pairsIn(weights)) {
    for (const [name, tensor] of original.tensors) {
      const values = average.tensors.get(name)
      if (values && !found.has(tensor)) found.set(tensor, values)
    }
  }
  return found
}

interface Part {
  readonly isAverage: boolean
  /** What stands before the names: the key, and the wrappers that all of them share. */
  readonly prefix: string
  /** By the name behind the key, without wrappers. */
  readonly tensors: Map<string, Tensor>
}

function pairsIn(weights: readonly Tensor[]): { average: Part; original: Part }[] {
  const keyOf = ({ name }: Tensor) => name.slice(0, Math.max(name.indexOf('.'), 0))
  if (!weights.some((tensor) => AVERAGE.test(keyOf(tensor)))) return []
  const groups = new Map<string, { key: string; tensors: Tensor[] }>()
  for (const tensor of weights) {
    const key = keyOf(tensor)
    const place = `${tensor.file}\0${key}`
    const group = groups.get(place) ?? { key, tensors: [] }
    groups.set(place, group)
    group.tensors.push(tensor)
  }
  const parts = [...groups.values()].map(({ key, tensors }): Part => {
    const rest = ({ name }: Tensor) => name.slice(key.length + 1)
    const prefix = `${key}.${commonWrapper(tensors.map(rest))}`
    const inner = ({ name }: Tensor) =>
      name.startsWith(prefix) ? name.slice(prefix.length) : name.slice(key.length + 1)
    return {
      isAverage: AVERAGE.test(key),
      prefix,
      tensors: new Map(tensors.map((each) => [unwrapped(inner(each)), each])),
    }
  })
  const originals = parts.filter(({ isAverage }) => !isAverage)
  return parts
    .filter(({ isAverage }) => isAverage)
    .flatMap((average) => {
      const original = originals.find((other) => isCopy(average, other))
      return original ? [{ average, original }] : []
    })
}

/** An average has no tensor that its weights have not; weights that lost some are still known by the others, while these are most. */
const LEAST_SHARED = 0.5

function isCopy(average: Part, original: Part): boolean {
  const names = [...average.tensors].filter(([name]) => !OWN.test(name))
  const shared = names.filter(([name]) => original.tensors.has(name))
  const isAlike = shared.every(([name, { shape }]) => {
    const own = (original.tensors.get(name) as Tensor).shape
    return sameShape(own, shape) || numel(own) === 0
  })
  return isAlike && shared.length > names.length * LEAST_SHARED
}
