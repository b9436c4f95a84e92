import { plainOf } from '../../decode/pickle/plain-of'
import { asNumber, mappingOf, type PyValue, sequenceOf } from '../../decode/pickle/value'
import type { SchedulerState } from '../checkpoint'

/**
 * Reads a learning-rate scheduler's state dict (torch/optim/lr_scheduler.py), or undefined when `value` is none. A chained
 * scheduler keeps its count and its base rates in the first of its parts.
 */
export function schedulerOf(value: PyValue | undefined, file: string): SchedulerState | undefined {
  const entries = mappingOf(value)
  if (!entries) return undefined
  if (!entries.has('last_epoch') && !entries.has('_last_lr') && !entries.has('_schedulers')) return undefined
  const part = mappingOf(sequenceOf(entries.get('_schedulers'))?.[0])
  const lastEpoch = asNumber(entries.get('last_epoch')) ?? asNumber(part?.get('last_epoch'))
  const stepCount = asNumber(entries.get('_step_count'))
  return {
    file,
    ...(lastEpoch !== undefined && { lastEpoch }),
    ...(stepCount !== undefined && { stepCount }),
    lastLr: numbers(entries.get('_last_lr')),
    baseLrs: numbers(entries.get('base_lrs') ?? part?.get('base_lrs')),
    value: plainOf(value as PyValue),
  }
}

function numbers(value: PyValue | undefined): number[] {
  return (sequenceOf(value) ?? []).flatMap((item) => asNumber(item) ?? [])
}
