import { isFloating } from '../checkpoint/dtype'
import { some } from '../checkpoint/names'
import type { Pair } from './align'
import type { DiffRow } from './row'
import type { StateDifference } from './state'

/** What the differences mean together. */
export interface Conclusion {
  readonly kind: 'nothing-trained' | 'frozen' | 'broke' | 'moved' | 'cast'
  /** One sentence. */
  readonly text: string
  /** Names in A of what it speaks of. */
  readonly tensors: readonly string[]
}

/**
 * Says what a reader of all rows would: that training went on and no parameter moved, which parameters never moved beside
 * others that did, where NaN came in, what is the same under another name, what was only rounded to another dtype.
 * `rows` are those of `pairs`, in order.
 */
export function conclusionsOf(
  pairs: readonly Pair[],
  rows: readonly DiffRow[],
  state: readonly StateDifference[],
): Conclusion[] {
  const parameters = rows.filter((row, i) => row.changed !== null && isParameter(pairs[i] as Pair))
  const still = namesOf(parameters.filter(({ anatomy }) => anatomy === 'unchanged'))
  const drawn: Conclusion[] = []
  if (parameters.length > 0 && still.length === parameters.length) {
    const step = state.find(({ what, same }) => what === 'step' && !same)
    if (step) {
      const text = `Nothing was trained: the step went from ${step.a} to ${step.b}, and no parameter moved`
      drawn.push({ kind: 'nothing-trained', text, tensors: [] })
    }
  } else if (still.length > 0 && rows.every(({ status }) => status !== 'onlyB')) {
    const text = `${still.length} of ${parameters.length} parameters never moved (${some(still)}): frozen, or without a gradient`
    drawn.push({ kind: 'frozen', text, tensors: still })
  }
  const broke = namesOf(rows.filter(({ becameNan = 0 }) => becameNan > 0))
  if (broke.length > 0) {
    const text = `Values became NaN in ${broke.length} of ${rows.length} tensors: ${some(broke)}`
    drawn.push({ kind: 'broke', text, tensors: broke })
  }
  const moved = namesOf(rows.filter(({ match, anatomy }) => match !== undefined && anatomy === 'unchanged'))
  if (moved.length > 0) {
    const text = `${moved.length} tensors have another name and the same values: ${some(moved)}`
    drawn.push({ kind: 'moved', text, tensors: moved })
  }
  const cast = rows.filter((row) => row.status === 'dtype' && isRounding(row))
  if (cast.length > 0) {
    const text = `${cast.length} tensors changed their dtype, and their values by no more than its rounding: ${some(namesOf(cast))}`
    drawn.push({ kind: 'cast', text, tensors: namesOf(cast) })
  }
  return drawn
}

function namesOf(rows: readonly DiffRow[]): string[] {
  return rows.map(({ name }) => name)
}

function isParameter({ a }: Pair): boolean {
  return a !== undefined && a.requiresGrad !== false && isFloating(a.dtype) && !/(^|\.)running_(mean|var)$/.test(a.name)
}

/** Half a step of the coarser dtype, relative to the value: 2 ** -(bits of its significand). */
const ROUNDING: Record<string, number> = { float32: 2 ** -24, float16: 2 ** -11, bfloat16: 2 ** -8 }

function isRounding({ dtypeA = '', dtypeB = '', relL2 }: DiffRow): boolean {
  const coarsest = Math.max(ROUNDING[dtypeA] ?? 0, ROUNDING[dtypeB] ?? 0)
  return relL2 !== null && relL2 <= coarsest
}
