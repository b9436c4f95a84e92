import type { Checkpoint } from '../checkpoint/checkpoint'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { trainerArguments } from './trainer-arguments'

/** A ReduceLROnPlateau that lags behind the log. */
export interface Lag {
  readonly file: string
  /** Evaluations that it has seen, and those that were logged. */
  readonly seen: number
  readonly logged: number
}

/**
 * Whether a ReduceLROnPlateau under the Trainer has seen fewer evaluations than the log beside it has: the Trainer hands it every one
 * (transformers 5.18, trainer.py `_evaluate`). Replayed over the first of them it comes out as it was stored, so that evaluations
 * which a script makes by itself are not taken for its own.
 */
export function lagOf(checkpoint: Checkpoint): Lag | undefined {
  const { layout, state } = checkpoint
  const [scheduler] = state.schedulers
  const seen = scheduler?.lastEpoch
  const fields = fieldsOf(scheduler?.value)
  if (layout !== 'trainer' || !scheduler || !seen || fields?.num_bad_epochs === undefined) return undefined
  const metrics = evaluationsOf(checkpoint)
  if (metrics.length <= seen || !isReplayOf(fields, metrics.slice(0, seen))) return undefined
  return { file: scheduler.file, seen, logged: metrics.length }
}

/** The metric that the scheduler follows, at each evaluation that was due, in order. */
function evaluationsOf(checkpoint: Checkpoint): number[] {
  const args = trainerArguments(checkpoint)
  const name = typeof args?.metric_for_best_model === 'string' ? args.metric_for_best_model : 'loss'
  const key = name.startsWith('eval_') ? name : `eval_${name}`
  for (const { value } of checkpoint.state.records) {
    const fields = fieldsOf(value)
    const log = fields?.log_history
    const now = numberOf(fields?.global_step)
    if (!Array.isArray(log) || now === undefined) continue
    const every = args?.eval_strategy === 'steps' ? numberOf(fields?.eval_steps) : undefined
    const byStep = new Map<number, number>()
    for (const row of log.map(fieldsOf)) {
      const [step, epoch, metric] = [numberOf(row?.step), numberOf(row?.epoch), numberOf(row?.[key])]
      if (!step || step > now || metric === undefined) continue
      const due = every === undefined ? Number.isInteger(epoch) : step % every === 0
      if (due) byStep.set(step, metric)
    }
    return [...byStep.values()]
  }
  return []
}

/** Relative difference up to which the best metric is the one that was logged. */
const TOLERANCE = 1e-6

/** Whether the metrics, one after the other, lead to this state (torch/optim/lr_scheduler.py, 2.13). */
function isReplayOf(stored: { readonly [key: string]: Plain }, metrics: readonly number[]): boolean {
  const [threshold, patience, cooldown] = [stored.threshold, stored.patience, stored.cooldown].map(numberOf)
  if (threshold === undefined || patience === undefined || cooldown === undefined) return false
  const sign = stored.mode === 'max' ? -1 : 1
  let best = sign * Number.POSITIVE_INFINITY
  let [bad, cooling] = [0, 0]
  for (const metric of metrics) {
    const bar = stored.threshold_mode === 'rel' ? best * (1 - sign * threshold) : best - sign * threshold
    if (sign * metric < sign * bar) {
      best = metric
      bad = 0
    } else bad += 1
    if (cooling > 0) {
      cooling -= 1
      bad = 0
    }
    if (bad > patience) {
      cooling = cooldown
      bad = 0
    }
  }
  const sameBest = Math.abs((numberOf(stored.best) ?? Number.NaN) - best) <= TOLERANCE * Math.abs(best)
  return sameBest && stored.num_bad_epochs === bad && stored.cooldown_counter === cooling
}
