import type { Checkpoint, Counter } from '../../checkpoint/checkpoint'
import { ratesAgree, ratesMoved } from '../../checkpoint/training/rates'
import { fieldsOf } from '../../decode/plain'
import { type Finding, finding, type RuleId } from '../../finding'
import { isCountOf, isOnSchedule } from '../../history/redraw'
import { type Lag, lagOf } from '../evaluations'
import type { Rule } from '../rule'
import { list } from '../text'

/**
 * Counts of steps that contradict each other: parts of two saves, or an optimizer that was made anew. Many differences are
 * in order and no finding: Accelerate steps the scheduler once for each process, many scripts once an epoch; training in
 * float16 skips steps; a script's own count may be one of batches, several of which make a step.
 */
export const stepMismatch: Rule = {
  ids: ['trainer/step-mismatch', 'optimizer/step-mismatch', 'scheduler/step-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { counters } = checkpoint.state
    const folder = counters.find(({ source }) => source === 'folder name')
    const optimizer = counters.find(({ source }) => source === 'optimizer.step')
    const scheduler = schedulerCount(checkpoint)
    const own = counters.find((counter) => counter !== folder && !OTHERS.test(counter.source))
    const fits = !own || !optimizer || optimizerFits(checkpoint, own.value, optimizer.value)
    // Two that agree outvote the third, unless the folder bears it out.
    const alone = !fits && scheduler?.value === optimizer?.value && folder?.value !== own?.value
    if (own && optimizer && scheduler && alone) yield outvoted(own, [optimizer, scheduler])
    else if (folder && own && folder.value !== own.value) yield mismatch('trainer/step-mismatch', own, folder)
    if (own && optimizer && !fits && !alone) {
      const note = isOnlyOfLightning(checkpoint) && isMultiple(optimizer.value, own.value) ? OTHERS_GONE : ''
      yield mismatch('optimizer/step-mismatch', optimizer, own, note)
    }
    const lag = lagOf(checkpoint)
    if (lag) yield behind(lag)
    const reference = own ?? optimizer
    if (!scheduler || !reference) return
    if (!schedulerFits(checkpoint, scheduler.value, own?.value, optimizer?.value)) {
      yield mismatch('scheduler/step-mismatch', scheduler, reference)
    } else {
      yield* otherCount(checkpoint, scheduler, [own, optimizer])
    }
  },
}

/** The count of the schedulers: of several for one optimizer that take turns (a warmup, then the rest), all of theirs together. */
function schedulerCount({ state }: Checkpoint): Counter | undefined {
  const all = state.counters.filter(({ source }) => source === 'scheduler.last_epoch')
  const [first] = all
  if (!first || all.length <= state.optimizers.length || state.optimizers.length !== 1) return first
  const most = Math.max(...state.counters.filter((each) => !all.includes(each)).map(({ value }) => value))
  const alone = all.find(({ value }) => value === most)
  const sum = all.reduce((total, { value }) => total + value, 0)
  return alone ?? (sum === most ? { ...first, value: sum } : first)
}

/** Counts of the parts themselves, and of the steps of an environment, many of which make one of the optimizer. */
const OTHERS = /^(optimizer|scheduler)\.|\.num_timesteps$/

const OTHERS_GONE =
  '. Lightning counts the steps of all optimizers together and only one is here: the state of another may be gone'

function mismatch(rule: RuleId, one: Counter, other: Counter, note = ''): Finding {
  return finding(rule, one.file, `${one.source} says ${one.value}, ${other.source} says ${other.value}${note}`, {
    evidence: { [one.source]: one.value, [other.source]: other.value },
  })
}

function behind({ file, seen, logged }: Lag): Finding {
  const message = `${file} has seen ${seen} of the ${logged} evaluations in the log beside it, and stands as it did then`
  return finding('scheduler/step-mismatch', file, message, { evidence: { seen, logged } })
}

function outvoted(one: Counter, others: readonly Counter[]): Finding {
  const [value] = others.map((other) => other.value)
  const sources = others.map(({ source }) => source)
  return finding('trainer/step-mismatch', one.file, `${one.source} says ${one.value}, ${list(sources)} say ${value}`, {
    evidence: Object.fromEntries([one, ...others].map((each) => [each.source, each.value])),
  })
}

/**
 * A scheduler whose count could be right by its number (once an epoch, once for each process), and whose rate is that of another
 * count: its state holds the whole schedule, and at the step of the optimizer the schedule has the very rate that is stored.
 */
function* otherCount(
  { state }: Checkpoint,
  { file, value }: Counter,
  counters: readonly (Counter | undefined)[],
): Generator<Finding> {
  const scheduler = state.schedulers.find((each) => each.file === file && each.lastEpoch === value)
  const [optimizer, other] = state.optimizers
  // A rate that was changed by hand goes on changed.
  if (!scheduler || (optimizer && !other && ratesAgree(optimizer, scheduler) === false)) return
  for (const counter of counters) {
    if (!counter || counter.value === value || !isCountOf(state, scheduler, counter.value)) continue
    const rate = scheduler.lastLr[0]?.toPrecision(4)
    const message = `scheduler.last_epoch says ${value}, but the rate it set last (${rate}) is the one of count ${counter.value}, as ${counter.source} says`
    yield finding('scheduler/step-mismatch', file, message, {
      evidence: { 'scheduler.last_epoch': value, [counter.source]: counter.value },
    })
    return
  }
}

/** A gradient scaler skips steps whose gradients overflowed; more than this part of all it hardly skips ... */
const MOST_SKIPPED = 0.5
/** ... but for the first ones, while its scale is halved from 65536 to where it belongs. */
const FIRST_SKIPPED = 24

/** Batches whose gradients are gathered for one step. An optimizer that counts far fewer was made anew. */
const MOST_BATCHES = 512

function optimizerFits(checkpoint: Checkpoint, step: number, optimizer: number): boolean {
  if (optimizer === step) return true
  if (mayHaveSkipped(checkpoint, step, optimizer)) return true
  // A `training_step` that returns None is counted and takes none.
  if (isOnlyOfLightning(checkpoint) && optimizer < step && optimizer > step * (1 - MOST_SKIPPED)) return true
  if (checkpoint.layout === 'trainer' || isOnlyOfLightning(checkpoint)) return false
  // A loop of a script's own saves the number of the step just taken, counted from 0, or of the one to come.
  if (isOfScript(checkpoint) && Math.abs(optimizer - step) === 1) return true
  // Trainers count steps of optimizers; a script may count batches.
  return isMultiple(optimizer, step) && step / optimizer <= MOST_BATCHES
}

function isOfScript({ layout }: Checkpoint): boolean {
  return layout === 'file' || layout === 'folder'
}

/**
 * Lightning counts the steps of all its optimizers together, and none for batches whose gradients it gathers
 * (pytorch_lightning 2.6, loops/training_epoch_loop.py, `global_step`): where only one optimizer is here, the counts are the same.
 */
function isOnlyOfLightning({ state }: Checkpoint): boolean {
  const lightning = state.records.some(({ value }) => fieldsOf(value)?.['pytorch-lightning_version'] !== undefined)
  return lightning && state.optimizers.length === 1
}

function schedulerFits(
  checkpoint: Checkpoint,
  scheduler: number,
  step: number | undefined,
  optimizer: number | undefined,
): boolean {
  if (hasOwnClock(checkpoint) || joinedLate(checkpoint, scheduler)) return true
  const counts = [step, optimizer].filter((count) => count !== undefined)
  if (counts.some((count) => Math.abs(count - scheduler) <= 1)) return true
  if (counts.some((count) => mayHaveSkipped(checkpoint, count, scheduler))) return true
  if (checkpoint.layout === 'trainer') return false
  const { epoch } = checkpoint.state
  if (epoch !== undefined && Math.abs(epoch - scheduler) <= 1) return true
  return counts.some((count) => isMultiple(count, scheduler))
}

/** Whether one is a whole multiple of the other. Nothing is a multiple of a count that has not begun. */
function isMultiple(a: number, b: number): boolean {
  return a > 0 && b > 0 && (a % b === 0 || b % a === 0)
}

function mayHaveSkipped({ components }: Checkpoint, all: number, taken: number): boolean {
  if (!components.some(({ id, status }) => id === 'scaler' && status !== 'not-applicable') || taken > all) return false
  return taken >= all * (1 - MOST_SKIPPED) || all - taken <= FIRST_SKIPPED
}

/**
 * Whether the scheduler began after a warmup that the script did by itself: it counts fewer steps than the optimizer, and the rate
 * that is in force is the one that it set last, which tells a scheduler of another save unless the rate stood still. Or it has
 * not begun, and the rate in force is its first one, or none that it is known to set.
 */
function joinedLate({ layout, state }: Checkpoint, count: number): boolean {
  const [optimizer, other] = state.optimizers
  const scheduler = state.schedulers.find(({ lastEpoch }) => lastEpoch === count)
  if (layout === 'trainer' || !optimizer || other || !scheduler || count >= (optimizer.step ?? 0)) return false
  const together = optimizer.file === scheduler.file
  const agree = ratesAgree(optimizer, scheduler)
  if (agree === true) return together || count === 0 || ratesMoved(optimizer)
  return agree === false && count === 0 && (together || isOnSchedule(state, optimizer, scheduler) !== true)
}

/** ReduceLROnPlateau steps at evaluations, SWALR begins late. */
function hasOwnClock({ state }: Checkpoint): boolean {
  return state.schedulers.some(({ value }) => {
    const fields = fieldsOf(value)
    return fields?.num_bad_epochs !== undefined || fields?.anneal_epochs !== undefined
  })
}
