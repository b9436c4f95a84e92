import type { Checkpoint, OptimizerState, SchedulerState, TrainingState } from '../../checkpoint/checkpoint'
import { basesAgree, ratesAgree, sameRate } from '../../checkpoint/training/rates'
import { fieldsOf, numberOf } from '../../decode/plain'
import { type Finding, finding } from '../../finding'
import { isOnSchedule } from '../../history/redraw'
import type { Rule } from '../rule'
import { list } from '../text'

/**
 * Rates in the optimizer that are not those of the scheduler beside it. One call writes both, so they agree in every save;
 * where they do not, the files are of two saves, or somebody changed a rate by hand. Where more schedulers than optimizers
 * take turns, only the last of them agrees. Nothing is told where only a hand can have changed the rate, as scripts do that warm up
 * by themselves.
 */
export const rateMismatch: Rule = {
  ids: ['scheduler/rate-mismatch'],
  needs: 'structure',
  *check({ checkpoint }) {
    const { optimizers, schedulers, worldSize } = checkpoint.state
    // Accelerate steps a scheduler once for each process.
    const processes = checkpoint.layout === 'accelerate' ? worldSize : undefined
    if (schedulers.length > optimizers.length) return
    for (const [i, scheduler] of schedulers.entries()) {
      const own = optimizers.length === schedulers.length ? [optimizers[i] as OptimizerState] : optimizers
      const all = own.flatMap((optimizer) =>
        isChangedByHand(checkpoint, optimizer, scheduler) ? [] : (mismatch(optimizer, scheduler, processes) ?? []),
      )
      const [first] = all
      if (first && all.length === own.length) yield first
    }
  },
}

/**
 * Whether the two are of one save all the same, as their counts tell or the one file they are in, or the rate in the optimizer is none
 * that this scheduler ever sets. The Trainer leaves rates to its scheduler.
 */
function isChangedByHand({ layout, state }: Checkpoint, optimizer: OptimizerState, scheduler: SchedulerState): boolean {
  if (layout === 'trainer' || basesAgree(optimizer, scheduler) === false) return false
  const { lastEpoch } = scheduler
  if (lastEpoch !== undefined && (optimizer.step === lastEpoch || isOfEpoch(state, optimizer, lastEpoch))) return true
  const reduced = isReduced(optimizer, scheduler)
  if (reduced !== undefined) return optimizer.file === scheduler.file || !reduced
  const scheduled = isOnSchedule(state, optimizer, scheduler)
  return scheduled === undefined ? optimizer.file === scheduler.file || lastEpoch === 0 : !scheduled
}

/** Whether the counts beside them bear both out: that of the steps the optimizer, that of the epochs, begun or done, the scheduler. */
function isOfEpoch({ step, epoch }: TrainingState, optimizer: OptimizerState, lastEpoch: number): boolean {
  if (step === undefined || epoch === undefined || optimizer.step !== step || epoch === step) return false
  return lastEpoch > 0 && (lastEpoch === epoch || lastEpoch === epoch + 1)
}

/** Powers of the factor of a plateau that are tried. */
const MOST_REDUCTIONS = 50

/**
 * Whether a plateau can have made of one rate the other: it multiplies by its factor, down to a least rate, and keeps what it found in the
 * optimizer (torch/optim/lr_scheduler.py, 2.13, `ReduceLROnPlateau`). Undefined for other schedulers.
 */
function isReduced({ groups }: OptimizerState, { value, lastLr }: SchedulerState): boolean | undefined {
  const fields = fieldsOf(value)
  const factor = numberOf(fields?.factor)
  if (fields?.num_bad_epochs === undefined || factor === undefined || factor <= 0 || factor >= 1) return undefined
  const least = Array.isArray(fields.min_lrs) ? fields.min_lrs : []
  return groups.every(({ lr = Number.NaN }, i) => {
    const [low, high] = [lr, lastLr[i] ?? Number.NaN].sort((a, b) => a - b) as [number, number]
    if (sameRate(low, numberOf(least[i]) ?? 0)) return true
    return Array.from({ length: MOST_REDUCTIONS }, (_, k) => high * factor ** k).some((rate) => sameRate(rate, low))
  })
}

function mismatch(optimizer: OptimizerState, scheduler: SchedulerState, worldSize?: number): Finding | undefined {
  const { file, groups } = optimizer
  const { lastLr, baseLrs } = scheduler
  const initial = groups.flatMap(({ initialLr }) => initialLr ?? [])
  if (basesAgree(optimizer, scheduler) === false) {
    const message =
      initial.length === baseLrs.length
        ? `${scheduler.file} was made for the base rate ${rates(baseLrs)}, the optimizer in ${file} began with ${rates(initial)}`
        : `${scheduler.file} was made for ${groupsText(baseLrs.length)}, the optimizer in ${file} has ${groupsText(initial.length)}`
    return finding('scheduler/rate-mismatch', scheduler.file, `${message}; they are of two trainings`, {
      evidence: { base: baseLrs, initial },
    })
  }
  if (ratesAgree(optimizer, scheduler) !== false) return undefined
  const now = groups.map(({ lr }) => lr as number)
  // What is no rate at all has a rule of its own.
  if (![...now, ...lastLr].every(Number.isFinite)) return undefined
  const older = worldSize === undefined ? '' : olderOne(optimizer, scheduler, worldSize)
  const message = `The rate in ${file} is ${rates(now)}, and ${scheduler.file} set ${rates(lastLr)} last; they are of two saves, or the rate was changed by hand${older}`
  return finding('scheduler/rate-mismatch', scheduler.file, message, {
    evidence: { optimizer: now, scheduler: lastLr },
  })
}

/** Which of two is the older one, where the processes that stepped the scheduler are known by their random states. */
function olderOne({ step }: OptimizerState, { lastEpoch }: SchedulerState, processes: number): string {
  const scheduled = lastEpoch === undefined ? Number.NaN : lastEpoch / processes
  if (step === undefined || !Number.isInteger(scheduled) || scheduled === step) return ''
  const older = scheduled > step ? 'optimizer' : 'scheduler'
  const by = processes === 1 ? 'one process' : `${processes} processes`
  return `. By ${by} the scheduler was stepped ${scheduled} times, the optimizer counts ${step}: the ${older} is the older one`
}

function groupsText(count: number): string {
  return count === 1 ? 'one param group' : `${count} param groups`
}

function rates(all: readonly number[]): string {
  return list([...new Set(all.map((rate) => String(Number(rate.toPrecision(6)))))])
}
