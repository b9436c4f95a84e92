import type { Checkpoint, StateRecord } from '../checkpoint/checkpoint'
import { fieldsOf, numberOf } from '../decode/plain'
import { type Jump, jumpsOf } from './jumps'
import { type Logs, logsOf } from './logs'
import type { Point } from './points'
import { type Redrawn, redraw } from './redraw'

/** What a checkpoint remembers of its own training. `step` counts from 1: a rate is the one that step used. */
export interface History {
  readonly loss: readonly Point[]
  readonly evalLoss: readonly Point[]
  /** As logged; where nothing was logged, as the saved scheduler must have set it. */
  readonly learningRate: readonly Point[]
  /** Other logged series by name. Without a prototype: a series may have any name. */
  readonly metrics: Readonly<Record<string, readonly Point[]>>
  readonly lossUnit: 'step' | 'epoch'
  /** Null where nothing holds the schedule. */
  readonly schedule: Redrawn | null
  /** Why there is none, where there is a scheduler. */
  readonly scheduleNote?: string
  readonly jumps: readonly Jump[]
}

/** Reads the records of a checkpoint; no file is touched. */
export function history(checkpoint: Checkpoint): History {
  const { loss, evalLoss, learningRate, metrics, lossUnit } = logsOfCheckpoint(checkpoint)
  const { schedule, note } = redraw(checkpoint, learningRate)
  return {
    loss,
    evalLoss,
    learningRate: learningRate.length > 0 ? learningRate : (schedule?.points ?? []),
    metrics: Object.assign(Object.create(null), Object.fromEntries(metrics)),
    lossUnit,
    schedule,
    ...(note !== undefined && { scheduleNote: note }),
    jumps: [...jumpsOf('loss', loss), ...jumpsOf('evalLoss', evalLoss)],
  }
}

/** What was logged, each series from the first record that has it. */
export function logsOfCheckpoint(checkpoint: Checkpoint): Logs {
  const { records } = checkpoint.state
  const all = records.map((record) => logsOf(record.value, progressOf(record, checkpoint)))
  const loss = firstOf(all, (logs) => logs.loss)
  const metrics = new Map<string, readonly Point[]>()
  for (const logs of all) for (const [name, points] of logs.metrics) if (!metrics.has(name)) metrics.set(name, points)
  return {
    loss,
    evalLoss: firstOf(all, (logs) => logs.evalLoss),
    learningRate: firstOf(all, (logs) => logs.learningRate),
    metrics,
    lossUnit: all.find((logs) => logs.loss === loss)?.lossUnit ?? 'step',
  }
}

function firstOf(all: readonly Logs[], series: (logs: Logs) => readonly Point[]): readonly Point[] {
  return all.map(series).find((points) => points.length > 0) ?? []
}

/** A record's own counters where it has them, the checkpoint's otherwise. */
function progressOf({ value }: StateRecord, { state }: Checkpoint): { step?: number; epoch?: number } {
  const fields = fieldsOf(value)
  const step = numberOf(fields?.global_step) ?? numberOf(fields?.step) ?? state.step
  const epoch = numberOf(fields?.epoch) ?? state.epoch
  return { ...(step !== undefined && { step }), ...(epoch !== undefined && { epoch }) }
}
