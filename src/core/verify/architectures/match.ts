import type { Checkpoint } from '../../checkpoint/checkpoint'
import { fitTo, type Match } from './fit'
import { misfitOf } from './misfit'

const known = new WeakMap<Checkpoint, { readonly match: Match | undefined }>()

/**
 * The weights held against their config. Undefined where the config proves nothing: it is not known exactly what model it
 * describes, or it is of another one; the weights are quantized; fewer than half of the names fit, as the file names them in
 * its own way.
 */
export function matchOf(checkpoint: Checkpoint): Match | undefined {
  const made = known.get(checkpoint) ?? { match: make(checkpoint) }
  known.set(checkpoint, made)
  return made.match
}

function make(checkpoint: Checkpoint): Match | undefined {
  const match = fitTo(checkpoint)
  return match && match.share >= 0.5 && !misfitOf(checkpoint) ? match : undefined
}
