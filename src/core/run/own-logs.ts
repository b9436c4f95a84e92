import { baseName, joinPath, parentOf } from '../bytes/folder'
import type { Checkpoint } from '../checkpoint/checkpoint'
import { type History, history, historyOf, type LogSource, logsOfCheckpoint } from '../history/history'
import type { Logs } from '../history/logs'
import type { Point } from '../history/points'
import { entriesOf, type Log, logsIn, readLog } from './side-logs'

/** Folders that hold nothing but checkpoints: what lies beside such a folder lies beside them. */
const CHECKPOINTS = /^(checkpoints?|ckpts?)$/i
/** Folders of loggers: Lightning's, TensorBoard's, and what people call them. */
const LOGGERS = /^(lightning_)?logs?$|^runs$|^(csv|tb|tensorboard)(_?logs?)?$/i
/** One training, as Lightning's loggers number them. */
const VERSION = /^version_\d+$/

/**
 * The history of one checkpoint. One that remembers no loss (Lightning's, a script's) is told by the logs that lie beside or
 * just above it, up to its own step, where it is plain that they are its own. Reads logs, no values; what cannot be read is
 * left out.
 */
export async function checkpointHistory(checkpoint: Checkpoint): Promise<History> {
  const { name, state } = checkpoint
  const own = logsOfCheckpoint(checkpoint)
  if (own.loss.length > 0 || state.step === undefined) return history(checkpoint)
  const beside = await ownLogs(checkpoint.path, state.step)
  if (beside.length === 0) return history(checkpoint)
  return historyOf([...beside, { name, time: 0, logs: own }], checkpoint)
}

/** Logs of the training that a checkpoint of this step is of. */
async function ownLogs(path: string, step: number): Promise<LogSource[]> {
  const home = parentOf(path)
  const places = CHECKPOINTS.test(baseName(home)) ? [home, parentOf(home)] : [home]
  const sources = await Promise.all(places.flatMap(logsAround).map(readLog))
  return sources
    .flat()
    .filter(({ logs }) => reaches(logs.loss, step))
    .map((source) => ({ ...source, logs: upTo(source.logs, step) }))
}

/** Logs in a folder, and in its loggers' folders as long as these hold one training: of several, it is not known which it is. */
function logsAround(place: string): Log[] {
  const entries = entriesOf(place)
  const found = logsIn(place, '', entries)
  for (const { path: name, kind } of entries) {
    if (kind !== 'folder') continue
    const folder = joinPath(place, name)
    const inner = entriesOf(folder)
    const logger = LOGGERS.test(name)
    if (logger) found.push(...logsIn(folder, name, inner))
    const trainings = inner.flatMap(({ path, kind: what }) => {
      if (what !== 'folder' || !(logger || VERSION.test(path))) return []
      const logs = logsIn(joinPath(folder, path), `${name}/${path}`, entriesOf(joinPath(folder, path)))
      return logs.length > 0 ? [logs] : []
    })
    if (trainings.length === 1) found.push(...(trainings[0] ?? []))
  }
  return found
}

/** Whether a series tells of training up to a step, as far as its own spacing allows: one that ends before is of another. */
export function reaches(points: readonly Point[], step: number): boolean {
  const last = points.at(-1)?.step
  if (last === undefined) return false
  const spacing = points.reduce((most, { step: at }, i) => Math.max(most, at - (points[i - 1]?.step ?? 0)), 1)
  return last + spacing > step
}

function upTo(logs: Logs, step: number): Logs {
  const cut = (points: readonly Point[]) => points.filter((point) => point.step <= step)
  return {
    loss: cut(logs.loss),
    evalLoss: cut(logs.evalLoss),
    learningRate: cut(logs.learningRate),
    metrics: new Map([...logs.metrics].map(([name, points]) => [name, cut(points)])),
    lossUnit: logs.lossUnit,
  }
}
