import type { Checkpoint, StateRecord } from '../checkpoint/checkpoint'
import { fieldsOf, numberOf } from '../decode/plain'
import { type Jump, jumpsOf, spikesOf } from './jumps'
import { type Logs, logsOf, type Progress } from './logs'
import { type Merged, mergeSources } from './merge'
import type { Point } from './points'
import { type Redrawn, redraw } from './redraw'

/** What a checkpoint, or a run, remembers of its training. `step` counts from 1: a rate is the one that step used. */
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
  /** Values far above their neighbours that passed. */
  readonly spikes: readonly Jump[]
  /** Steps after which training was taken up again, as far as the logs show it. */
  readonly resumes: readonly number[]
  /** What earlier attempts logged beyond the step that a later one was resumed from. */
  readonly abandoned: readonly { readonly series: string; readonly source: string; readonly points: readonly Point[] }[]
}

/** What one checkpoint or one log file tells. */
export interface LogSource {
  /** A checkpoint's name, or a file's path in the run. */
  readonly name: string
  /** When it was written last, in milliseconds since 1970. */
  readonly time: number
  readonly logs: Logs
}

/** Several rules and the faces ask for the same one. */
const known = new WeakMap<Checkpoint, History>()

/** Reads the records of a checkpoint, once; no file is touched. */
export function history(checkpoint: Checkpoint): History {
  const found =
    known.get(checkpoint) ??
    historyOf([{ name: checkpoint.name, time: 0, logs: logsOfCheckpoint(checkpoint) }], checkpoint)
  known.set(checkpoint, found)
  return found
}

/** One history of all sources, in whatever order they are given. The schedule is that of `checkpoint`: the last of them. */
export function historyOf(sources: readonly LogSource[], checkpoint: Checkpoint | undefined): History {
  const byStep = sources.some(({ logs }) => logs.loss.length > 0 && logs.lossUnit === 'step')
  const lossUnit = byStep || sources.every(({ logs }) => logs.loss.length === 0) ? 'step' : 'epoch'
  const merged = (series: (logs: Logs) => readonly Point[] | undefined) =>
    mergeSources(sources.map(({ name, time, logs }) => ({ name, time, points: series(logs) ?? [] })))
  const loss = merged((logs) => (logs.lossUnit === lossUnit ? logs.loss : []))
  const evalLoss = merged((logs) => logs.evalLoss)
  const rate = merged((logs) => logs.learningRate)
  const names = [...new Set(sources.flatMap(({ logs }) => [...logs.metrics.keys()]))].sort()
  const metrics = new Map(names.map((name) => [name, merged((logs) => logs.metrics.get(name))]))
  const all: [string, Merged][] = [['loss', loss], ['evalLoss', evalLoss], ['learningRate', rate], ...metrics]
  const { schedule, note } = checkpoint ? redraw(checkpoint, rate.line) : { schedule: null }
  return {
    loss: loss.line,
    evalLoss: evalLoss.line,
    learningRate: rate.line.length > 0 ? rate.line : (schedule?.points ?? []),
    metrics: Object.assign(
      Object.create(null),
      Object.fromEntries([...metrics].map(([name, { line }]) => [name, line])),
    ),
    lossUnit,
    schedule,
    ...(note !== undefined && { scheduleNote: note }),
    jumps: [...jumpsOf('loss', loss.line), ...jumpsOf('evalLoss', evalLoss.line)],
    spikes: [...spikesOf('loss', loss.line), ...spikesOf('evalLoss', evalLoss.line)],
    // The first series that shows any: others are logged more seldom and place them less well.
    resumes: all.find(([, { resumes }]) => resumes.length > 0)?.[1].resumes ?? [],
    abandoned: all.flatMap(([series, { abandoned }]) => abandoned.map((stretch) => ({ series, ...stretch }))),
  }
}

const read = new WeakMap<Checkpoint['state'], Logs>()

/** What was logged, each series from the first record that has it. Read once. */
export function logsOfCheckpoint(checkpoint: Checkpoint): Logs {
  const logs = read.get(checkpoint.state) ?? logsIn(checkpoint)
  read.set(checkpoint.state, logs)
  return logs
}

function logsIn(checkpoint: Checkpoint): Logs {
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
function progressOf({ value }: StateRecord, { state }: Checkpoint): Progress {
  const fields = fieldsOf(value)
  const step = numberOf(fields?.global_step) ?? numberOf(fields?.step) ?? state.step
  const epoch = numberOf(fields?.epoch) ?? state.epoch
  return { ...(step !== undefined && { step }), ...(epoch !== undefined && { epoch }) }
}
