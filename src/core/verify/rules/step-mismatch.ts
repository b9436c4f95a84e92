import type { Checkpoint, Counter } from '../../checkpoint/checkpoint'
import { fieldsOf } from '../../decode/plain'
import { type Finding, finding, type RuleId } from '../../finding'
import type { Rule } from '../rule'

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
    const scheduler = counters.find(({ source }) => source === 'scheduler.last_epoch')
    const own = counters.find((counter) => counter !== folder && !OTHERS.test(counter.source))
    if (folder && own && folder.value !== own.value) yield mismatch('trainer/step-mismatch', own, folder)
    if (own && optimizer && !optimizerFits(checkpoint, own.value, optimizer.value)) {
      yield mismatch('optimizer/step-mismatch', optimizer, own)
    }
    const reference = own ?? optimizer
    if (scheduler && reference && !schedulerFits(checkpoint, scheduler.value, own?.value, optimizer?.value)) {
      yield mismatch('scheduler/step-mismatch', scheduler, reference)
    }
  },
}

/** Counts of the parts themselves, and of the steps of an environment, many of which make one of the optimizer. */
const OTHERS = /^(optimizer|scheduler)\.|\.num_timesteps$/

function mismatch(rule: RuleId, one: Counter, other: Counter): Finding {
  return finding(rule, one.file, `${one.source} says ${one.value}, ${other.source} says ${other.value}`, {
    evidence: { [one.source]: one.value, [other.source]: other.value },
  })
}

/** A gradient scaler skips steps whose gradients overflowed; more than this part of all it hardly skips. */
const MOST_SKIPPED = 0.5

/** Batches whose gradients are gathered for one step. An optimizer that counts far fewer was made anew. */
const MOST_BATCHES = 512

function optimizerFits(checkpoint: Checkpoint, step: number, optimizer: number): boolean {
  if (optimizer === step) return true
  if (hasScaler(checkpoint) && optimizer < step && optimizer >= step * (1 - MOST_SKIPPED)) return true
  // The Trainer counts optimizer steps; a script may count batches, or the steps of several optimizers.
  return checkpoint.layout !== 'trainer' && isMultiple(optimizer, step) && step / optimizer <= MOST_BATCHES
}

function schedulerFits(
  checkpoint: Checkpoint,
  scheduler: number,
  step: number | undefined,
  optimizer: number | undefined,
): boolean {
  if (followsMetric(checkpoint)) return true
  const counts = [step, optimizer].filter((count) => count !== undefined)
  if (counts.some((count) => Math.abs(count - scheduler) <= 1)) return true
  if (hasScaler(checkpoint) && counts.some((count) => scheduler < count && scheduler >= count * (1 - MOST_SKIPPED))) {
    return true
  }
  if (checkpoint.layout === 'trainer') return false
  const { epoch } = checkpoint.state
  if (epoch !== undefined && Math.abs(epoch - scheduler) <= 1) return true
  return counts.some((count) => isMultiple(count, scheduler))
}

/** Whether one is a whole multiple of the other. Nothing is a multiple of a count that has not begun. */
function isMultiple(a: number, b: number): boolean {
  return a > 0 && b > 0 && (a % b === 0 || b % a === 0)
}

function hasScaler({ components }: Checkpoint): boolean {
  return components.some(({ id, status }) => id === 'scaler' && status === 'present')
}

/** ReduceLROnPlateau steps at evaluations. */
function followsMetric({ state }: Checkpoint): boolean {
  return state.schedulers.some(({ value }) => fieldsOf(value)?.num_bad_epochs !== undefined)
}
