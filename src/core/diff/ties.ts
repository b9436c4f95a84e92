import type { Tensor } from '../checkpoint/tensor'
import type { Pair } from './align'
import { sameBytes } from './compare'

/** A tensor of one side only, and the one whose bytes it has there. */
interface Tie {
  readonly tensor: string
  /** 0 for A, 1 for B. */
  readonly side: 0 | 1
  readonly other: string
}

/**
 * Tensors of one side only that lie there on the very bytes of another: tied, as an output layer to its embedding. torch.save keeps both
 * names, safetensors' writers leave one out, so that nothing is lost. (transformers, `save_pretrained`.)
 */
export function tiesOf(pairs: readonly Pair[]): Tie[] {
  return ([0, 1] as const).flatMap((side) => {
    const of = ({ a, b }: Pair) => (side === 0 ? a : b)
    const alone = pairs.filter(({ a, b }) => !(a && b)).flatMap((pair) => of(pair) ?? [])
    if (alone.length === 0) return []
    const paired = new Map(pairs.filter(({ a, b }) => a && b).map((pair) => [placeOf(of(pair)), of(pair)]))
    return alone.flatMap((tensor): Tie[] => {
      const other = paired.get(placeOf(tensor))
      if (!other || tensor.blocks.length === 0 || !sameBytes(tensor, other)) return []
      return [{ tensor: tensor.name, side, other: other.name }]
    })
  })
}

function placeOf(tensor: Tensor | undefined): string {
  return `${tensor?.file} ${tensor?.blocks[0]?.offset} ${tensor?.shape}`
}
