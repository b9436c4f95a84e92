import type { Checkpoint, OptimizerState, SchedulerState } from '../../checkpoint/checkpoint'
import { basesAgree, ratesAgree } from '../../checkpoint/training/rates'
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
  if (lastEpoch !== undefined && optimizer.step === lastEpoch) return true
  const scheduled = isOnSchedule(state, optimizer, scheduler)
  return scheduled === undefined ? optimizer.file === scheduler.file || lastEpoch === 0 : !scheduled
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
