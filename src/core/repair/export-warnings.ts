import type { Checkpoint } from '../checkpoint/checkpoint'
import { misshapenTensors } from './absent'
import type { Tally } from './cast'
import type { Companion } from './companions'
import type { Part } from './export-parts'

/** What is written as it is and wants a repair first, and the values that rounding does not keep, once `tallies` has counted them. */
export function warningsOf(
  checkpoint: Checkpoint,
  {
    parts,
    tallies,
    companions,
  }: {
    readonly parts: readonly Part[]
    readonly tallies: ReadonlyMap<string, Tally>
    readonly companions: readonly Companion[]
  },
) {
  const names = new Set(parts.flatMap(({ tensors }) => tensors.map(({ name }) => name)))
  const rounding = [...tallies].flatMap(([name, { overflow, underflow }]) => {
    const lost = [
      ...(overflow > 0
        ? [
            overflow === 1
              ? '1 value is too large for the dtype and becomes infinite'
              : `${overflow} values are too large for the dtype and become infinite`,
          ]
        : []),
      ...(underflow > 0
        ? [
            underflow === 1
              ? '1 value is too small for it and becomes 0'
              : `${underflow} values are too small for it and become 0`,
          ]
        : []),
    ]
    return lost.length === 0 ? [] : [{ name, why: lost.join('; ') }]
  })
  const amiss = companions.flatMap(({ path: name, why }) => (why === undefined ? [] : [{ name, why }]))
  return [...misshapenTensors(checkpoint, names), ...rounding, ...amiss]
}
