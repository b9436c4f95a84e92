import { mappingOf, PyDict, PyFloat, type PyValue } from '../../decode/pickle/value'
import { fieldsOf, numberOf } from '../../decode/plain'
import type { Facts, Fields } from './facts'
import { floats } from './moved'

/** What a ReduceLROnPlateau is set to, and what it is without (torch/optim/lr_scheduler.py, 2.13). */
interface Settings {
  readonly mode: string
  readonly factor: number
  readonly patience: number
  readonly threshold: number
  readonly threshold_mode: string
  readonly cooldown: number
  readonly min_lr: number
  readonly eps: number
}

const DEFAULTS: Settings = {
  mode: 'min',
  factor: 0.1,
  patience: 10,
  threshold: 1e-4,
  threshold_mode: 'rel',
  cooldown: 0,
  min_lr: 0,
  eps: 1e-8,
}

/** A ReduceLROnPlateau after the evaluations that were logged. */
export interface Replayed {
  readonly value: PyDict
  readonly evaluations: number
  readonly rate: number
}

/**
 * The Trainer's ReduceLROnPlateau, shown again the metric of every evaluation up to the step (transformers 5.18, trainer.py
 * `_evaluate`): settings from its arguments, metrics from the logged history. Undefined where either is not known.
 */
export function replayedPlateau(
  { args, step, history }: Pick<Facts, 'args' | 'step' | 'history'>,
  groups: number,
): Replayed | undefined {
  if (args?.lr_scheduler_type !== 'reduce_lr_on_plateau' || !history) return undefined
  const rate = numberOf(args.learning_rate)
  const wanted = typeof args.metric_for_best_model === 'string' ? args.metric_for_best_model : 'loss'
  const metric = wanted.startsWith('eval_') ? wanted : `eval_${wanted}`
  const seen = history.flatMap((each) => {
    const entry = fieldsOf(each)
    const at = numberOf(entry?.step)
    return at !== undefined && at <= step ? (numberOf(entry?.[metric]) ?? []) : []
  })
  const settings = settingsOf(fieldsOf(args.lr_scheduler_kwargs))
  if (rate === undefined || seen.length === 0 || !settings) return undefined
  return replay(settings, seen, rate, groups)
}

function settingsOf(given: Fields = {}): Settings | undefined {
  const settings = { ...DEFAULTS }
  for (const [key, value] of Object.entries(given)) {
    if (!Object.hasOwn(DEFAULTS, key)) continue
    const known = typeof value === typeof DEFAULTS[key as keyof Settings]
    if (!known) return undefined
    Object.assign(settings, { [key]: value })
  }
  const { mode, threshold_mode: by } = settings
  return ['min', 'max'].includes(mode) && ['rel', 'abs'].includes(by) ? settings : undefined
}

function replay(settings: Settings, seen: readonly number[], base: number, groups: number): Replayed {
  const { mode, factor, patience, threshold, threshold_mode: by, cooldown, min_lr: least, eps } = settings
  const worst = mode === 'min' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY
  const isBetter = (metric: number, best: number) => {
    if (mode === 'min') return metric < (by === 'rel' ? best * (1 - threshold) : best - threshold)
    return metric > (by === 'rel' ? best * (1 + threshold) : best + threshold)
  }
  let [rate, best, bad, cooling] = [base, worst, 0, 0]
  for (const metric of seen) {
    if (isBetter(metric, best)) [best, bad] = [metric, 0]
    else bad++
    if (cooling > 0) [cooling, bad] = [cooling - 1, 0]
    if (bad <= patience) continue
    const lower = Math.max(rate * factor, least)
    if (rate - lower > eps) rate = lower
    ;[cooling, bad] = [cooldown, 0]
  }
  const value = new PyDict()
  const rates = (each: number) => floats(new Array<number>(groups).fill(each))
  const entries: readonly (readonly [string, PyValue])[] = [
    ['factor', new PyFloat(factor)],
    ['default_min_lr', least === 0 ? 0 : new PyFloat(least)],
    ['min_lrs', rates(least)],
    ['patience', patience],
    ['cooldown', cooldown],
    ['eps', new PyFloat(eps)],
    ['last_epoch', seen.length],
    ['_last_lr', rates(rate)],
    ['mode_worse', new PyFloat(worst)],
    ['mode', mode],
    ['threshold', new PyFloat(threshold)],
    ['threshold_mode', by],
    ['best', new PyFloat(best)],
    ['cooldown_counter', cooling],
    ['num_bad_epochs', bad],
  ]
  for (const [key, each] of entries) value.entries.set(key, each)
  return { value, evaluations: seen.length, rate }
}

/** Whether a state dict is one of ReduceLROnPlateau. */
export function isPlateau(value: PyValue | undefined): boolean {
  return mappingOf(value)?.has('num_bad_epochs') === true
}
