import type { Checkpoint } from '../checkpoint/checkpoint'
import { isFloating } from '../checkpoint/dtype'
import { grouped } from '../checkpoint/grouped'
import { some } from '../checkpoint/names'
import type { Tensor } from '../checkpoint/tensor'
import type { Pair } from './align'
import { renamingOf } from './renaming'
import type { DiffRow } from './row'
import { type Sides, sidesOf } from './sides'
import type { StateDifference } from './state'
import { tiesOf } from './ties'

/** What the differences mean together. */
export interface Conclusion {
  readonly kind: 'damaged' | 'unread' | 'nothing-trained' | 'frozen' | 'broke' | 'moved' | 'reshaped' | 'tied' | 'cast'
  /** One sentence. */
  readonly text: string
  /** Names of the rows that it speaks of. */
  readonly tensors: readonly string[]
}

/** Damages of a side that are told; its verification has them all. */
const DAMAGES = 3

/** What is wrong with either side to begin with: a shard that is missing looks like tensors that were removed. */
export function damagesOf(a: Checkpoint, b: Checkpoint): Conclusion[] {
  const [first, second] = sidesOf(a, b)
  const texts = [[first, a] as const, [second, b] as const].flatMap(([side, { findings }]) => {
    const errors = [...new Set(findings.filter(({ severity }) => severity === 'error').map(({ message }) => message))]
    const more = errors.length > DAMAGES ? [`${side} has ${errors.length - DAMAGES} more errors: verify it`] : []
    const told = errors.slice(0, DAMAGES).map((message) => `${side} is damaged: ${message.replace(/\.$/, '')}`)
    return [...told, ...more]
  })
  // Once of a checkpoint that is compared with itself.
  return [...new Set(texts)].map((text) => ({ kind: 'damaged', text, tensors: [] }))
}

/**
 * Says what a reader of all rows would: that training went on and no parameter moved, which parameters never moved beside
 * others that did, where NaN came in, what is the same under another name or in another shape, what is tied on one side and left
 * out on the other, what was only rounded to another dtype, what could not be read. `rows` are those of `pairs`, in order; `sides` what
 * the two are called, `isMastered` which tensors of the first may be rounded copies of what is trained.
 */
export function conclusionsOf(
  pairs: readonly Pair[],
  rows: readonly DiffRow[],
  state: readonly StateDifference[],
  sides: Sides,
  isMastered: (tensor: Tensor) => boolean,
): Conclusion[] {
  const drawn: Conclusion[] = []
  const tell = (kind: Conclusion['kind'], about: readonly DiffRow[], text: (names: readonly string[]) => string) => {
    const names = namesOf(about)
    if (names.length > 0) drawn.push({ kind, text: text(names), tensors: names })
  }
  const unread = rows.filter(
    ({ note, changed, status }) => note !== undefined && changed === null && status !== 'dtype',
  )
  tell('unread', unread, (names) => `The values of ${counted(names)} cannot be read: ${some(names)}`)
  drawn.push(...whatMoved(pairs, rows, state, isMastered))
  const broke = rows.filter(({ becameNan = 0 }) => becameNan > 0)
  tell('broke', broke, (names) => `Values became NaN in ${names.length} of ${rows.length} tensors: ${some(names)}`)
  const moved = rows.filter(({ match, anatomy }) => match !== undefined && anatomy === 'unchanged')
  tell('moved', moved, (names) => {
    const renaming = renamingOf(moved)
    return `${counted(names)} ${names.length === 1 ? 'has' : 'have'} another name and the same values: ${renaming ?? some(names)}`
  })
  const reshaped = rows.filter(({ reading, anatomy }) => reading !== undefined && anatomy === 'unchanged')
  for (const [how, of] of grouped(reshaped, (row) => layingOf(row, sides))) {
    tell(
      'reshaped',
      of,
      (names) => `${counted(names)} ${names.length === 1 ? 'is' : 'are'} ${how}, with the same values: ${some(names)}`,
    )
  }
  for (const { tensor, side, other } of tiesOf(pairs)) {
    const text = `${tensor} is only in ${sides[side]} and tied to ${other} there: the same bytes under two names`
    drawn.push({ kind: 'tied', text, tensors: [tensor] })
  }
  tell(
    'cast',
    rows.filter(isCast),
    (names) => `${counted(names)} changed in dtype, and in value by no more than its rounding: ${some(names)}`,
  )
  return drawn
}

/** Of parameters alone: buffers stay and go by other laws, and a small step of a master is lost when it is rounded. */
function whatMoved(
  pairs: readonly Pair[],
  rows: readonly DiffRow[],
  state: readonly StateDifference[],
  isMastered: (tensor: Tensor) => boolean,
): Conclusion[] {
  // a state dict is saved without gradients: what one tensor says counts only where another says otherwise
  const tellsGradients = pairs.some(({ a }) => a?.requiresGrad === true)
  // nor does it say anything of training that zeros are the same in another dtype
  const parameters = rows.filter(({ changed, status }, i) => {
    const pair = pairs[i] as Pair
    if (changed === null || status === 'dtype' || (pair.a && isMastered(pair.a))) return false
    return isParameter(pair, tellsGradients)
  })
  const still = namesOf(parameters.filter(({ anatomy }) => anatomy === 'unchanged'))
  if (still.length < parameters.length) {
    if (still.length === 0 || rows.some(({ status }) => status === 'onlyB')) return []
    const text = `${still.length} of ${parameters.length} parameters never moved (${some(still)}): frozen, or without a gradient`
    return [{ kind: 'frozen', text, tensors: still }]
  }
  const step = state.find(({ what, same, a, b }) => what === 'step' && !same && a !== null && b !== null)
  if (parameters.length === 0 || !step) return []
  const text = `Nothing was trained: the step went from ${step.a} to ${step.b}, and no parameter moved`
  return [{ kind: 'nothing-trained', text, tensors: [] }]
}

function counted({ length }: readonly string[]): string {
  return length === 1 ? '1 tensor' : `${length} tensors`
}

function namesOf(rows: readonly DiffRow[]): string[] {
  return rows.map(({ name }) => name)
}

function isParameter({ a }: Pair, tellsGradients: boolean): boolean {
  if (a === undefined || (tellsGradients && a.requiresGrad === false)) return false
  return isFloating(a.dtype) && !/(^|\.)running_(mean|var)$/.test(a.name)
}

function layingOf({ reading, shapeA = [], shapeB = [] }: DiffRow, [a, b]: Sides): string {
  if (reading === 'transposed') return 'transposed'
  if (shapeB.length === 1 && shapeA.length > 1) return `flattened in ${b}`
  return shapeA.length === 1 && shapeB.length > 1 ? `flattened in ${a}` : 'of another shape'
}

/** Half a step of the coarser dtype, relative to the value: 2 ** -(bits of its significand). */
const ROUNDING: Record<string, number> = { float32: 2 ** -24, float16: 2 ** -11, bfloat16: 2 ** -8 }

function isCast({ status, dtypeA = '', dtypeB = '', relL2, changed }: DiffRow): boolean {
  const coarsest = Math.max(ROUNDING[dtypeA] ?? 0, ROUNDING[dtypeB] ?? 0)
  return status === 'dtype' && (changed === 0 || (relL2 !== null && relL2 <= coarsest))
}
