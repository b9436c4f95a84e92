import { plainOf } from '../../decode/pickle/plain-of'
import { asNumber, mappingOf, PyDict, PyFloat, PyList, type PyValue, sequenceOf } from '../../decode/pickle/value'
import { scheduleOf } from '../../history/schedule'

/** Composed schedulers inside one another, at most. */
const DEPTH = 8

/**
 * A scheduler's state dict as it would stand at another count: the settings of `value`, with counts, cycle and rates (`now`, one
 * for each group) moved on. Composed ones are moved part by part, as their own steps would have moved them
 * (torch/optim/lr_scheduler.py, 2.13). A sentence where that cannot be worked out.
 */
export function movedTo(value: PyValue, count: number, now: readonly number[], depth = 0): PyDict | string {
  const entries = mappingOf(value)
  if (!entries || depth > DEPTH) return 'The scheduler of the other checkpoint is of a form that is not known'
  if (entries.has('num_bad_epochs'))
    return 'It follows what training measures (ReduceLROnPlateau): what it had seen is in no other file'
  const moved = new PyDict()
  for (const [key, each] of entries) moved.entries.set(key, each)
  if (entries.has('last_epoch')) moved.entries.set('last_epoch', count)
  // CosineAnnealingWarmRestarts never counts its own steps.
  const counted = asNumber(entries.get('_step_count'))
  if (counted !== undefined && counted > 0) moved.entries.set('_step_count', Math.max(count, 0) + 1)
  moved.entries.set('_last_lr', floats(now))
  if (entries.has('T_cur')) {
    const cycle = cycleAt(Math.max(count, 0), asNumber(entries.get('T_0')), asNumber(entries.get('T_mult')))
    if (!cycle) return 'Its cycle at this step cannot be worked out'
    moved.entries.set('T_cur', cycle.current)
    moved.entries.set('T_i', cycle.length)
  }
  const parts = sequenceOf(entries.get('_schedulers'))
  if (!parts) return moved
  const milestones = sequenceOf(entries.get('_milestones'))?.map(asNumber)
  const counts = milestones ? countsOf(parts.length, milestones, count) : parts.map(() => count)
  if (!counts) return 'Its milestones do not fit its parts'
  const inForce = milestones ? milestones.filter((at) => at !== undefined && at <= count).length : parts.length - 1
  const inner: PyDict[] = []
  for (const [i, part] of parts.entries()) {
    const at = counts[i] as number
    if (at < 0 && mappingOf(part)?.has('_schedulers'))
      return 'One of its parts is composed itself and has not begun: how it would stand is not known'
    const made = movedTo(part, at, i === inForce ? now : ratesAt(part, at), depth + 1)
    if (typeof made === 'string') return made
    inner.push(made)
  }
  moved.entries.set('_schedulers', new PyList(inner))
  return moved
}

/**
 * Counts of the parts of a SequentialLR: each counts from its own milestone and stops one short of the next; one whose turn has
 * not come stands at -1.
 */
function countsOf(parts: number, milestones: readonly (number | undefined)[], count: number): number[] | undefined {
  if (milestones.length !== parts - 1 || milestones.some((at) => at === undefined)) return undefined
  const begins = [0, ...(milestones as number[])]
  return begins.map((begin, i) => {
    const end = begins[i + 1]
    if (count < begin) return -1
    return (end === undefined ? count : Math.min(count, end - 1)) - begin
  })
}

/** What a part that is not in force set last; nothing reads it but `get_last_lr`. */
function ratesAt(part: PyValue, count: number): number[] {
  const entries = mappingOf(part)
  const kept = numbers(entries?.get('_last_lr'))
  const bases = numbers(entries?.get('base_lrs'))
  const fields = plainOf(part)
  if (asNumber(entries?.get('last_epoch')) === count || fields === null || typeof fields !== 'object') return kept
  const rates = bases.map((base) =>
    scheduleOf({ ...fields, base_lrs: [base] } as typeof fields, () => undefined)?.rate(Math.max(count, 0)),
  )
  return rates.every((rate) => rate !== undefined) ? rates : kept
}

/** Steps into the cycle, and its length, of CosineAnnealingWarmRestarts (torch/optim/lr_scheduler.py, 2.13). */
function cycleAt(count: number, first: number | undefined, factor: number | undefined) {
  if (first === undefined || factor === undefined || first < 1 || factor < 1) return undefined
  let length = first
  let current = count
  for (; current >= length; length *= factor) {
    if (factor === 1) return { current: count % first, length: first }
    current -= length
  }
  return { current, length }
}

function numbers(value: PyValue | undefined): number[] {
  return (sequenceOf(value) ?? []).flatMap((item) => asNumber(item) ?? [])
}

/** A list of Python floats. */
export function floats(values: readonly number[]): PyList {
  return new PyList(values.map((each) => new PyFloat(each)))
}
