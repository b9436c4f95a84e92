import { fileAt, joinPath, listFolder, parentOf, pathKind } from '../bytes/folder'
import type { Checkpoint, ComponentId, LayoutId, Run } from '../checkpoint/checkpoint'
import { openCheckpoint } from '../checkpoint/open'
import { runsOf } from '../checkpoint/run'
import { partsBeside } from '../checkpoint/save-parts'
import type { Listed } from '../checkpoint/saves'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { AssayError, throwIfAborted } from '../errors'
import { findingOf } from '../finding'
import { historyOf, logsOfCheckpoint } from '../history/history'
import type { Logs } from '../history/logs'
import type { Point } from '../history/points'
import { type Verification, type VerifyOptions, verify } from '../verify/verify'
import { reaches } from './own-logs'
import { sideLogs } from './side-logs'

/** One checkpoint of a run, read and closed again. */
export interface RunRow extends Listed {
  readonly layout: LayoutId
  readonly layoutLabel: string
  /** When the newest of its files was written, in milliseconds since 1970. */
  readonly modified: number
  /** Sizes of its files together. */
  readonly bytes: number
  /** The last loss it remembers, or that the logs beside the run tell of its step. */
  readonly loss?: Point
  /** Parts that are missing or damaged. */
  readonly missing: readonly ComponentId[]
  readonly verification: Verification
  readonly logs: Logs
  readonly settings: RunSettings
}

/** What a checkpoint says of how the run saves. */
export interface RunSettings {
  /** Steps from one save to the next. */
  readonly every?: number
  /** `save_total_limit`: checkpoints that are kept. */
  readonly limit?: number
  /** Name of the checkpoint that was best so far, which rotation spares. */
  readonly best?: string
}

export interface RowOptions extends Omit<VerifyOptions, 'onProgress'> {
  /** How far the reading of values is, in bytes of one checkpoint. */
  readonly onProgress?: (done: number, total: number, name: string) => void
  /** Given each checkpoint that could be opened, before it is closed. */
  readonly onOpened?: (checkpoint: Checkpoint) => void
}

/**
 * The checkpoints of a run one by one, in its order: headers only unless `deep` is set, each closed before the next is opened.
 * One that was removed meanwhile (rotation does that) is left out; one that cannot be opened is a broken row. Throws `cancelled`.
 */
export async function* rowsOf(run: Run, options: RowOptions): AsyncGenerator<RunRow> {
  const runs = new Map(runsOf(run).flatMap((each) => each.checkpoints.map(({ path }) => [path, each])))
  const logged = new Map<Run | undefined, readonly Point[]>()
  for (const entry of run.checkpoints) {
    throwIfAborted(options.signal)
    const row = await rowOf(entry, options)
    if (row && !row.loss && row.step !== undefined) {
      const own = runs.get(entry.path) ?? run
      const beside = logged.get(own) ?? historyOf(await sideLogs(own, options.signal), undefined).loss
      logged.set(own, beside)
      const loss = lossAt(beside, row.step)
      yield { ...row, ...(loss && { loss }) }
    } else if (row) yield row
  }
}

/** The last loss up to a step, of a series that tells of training up to there. */
function lossAt(points: readonly Point[], step: number): Point | undefined {
  return reaches(points, step) ? points.findLast((point) => point.step <= step) : undefined
}

async function rowOf(entry: Listed, { onOpened, onProgress, ...options }: RowOptions): Promise<RunRow | undefined> {
  let checkpoint: Checkpoint
  try {
    checkpoint = await openCheckpoint(entry.path)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    return pathKind(entry.path) === undefined ? undefined : unopened(entry, error)
  }
  try {
    onOpened?.(checkpoint)
    const progress = onProgress && ((done: number, total: number) => onProgress(done, total, entry.name))
    const verification = await verify(checkpoint, { ...options, ...(progress && { onProgress: progress }) })
    const step = entry.step ?? verification.step
    const logs = logsOfCheckpoint(checkpoint)
    const loss = logs.loss.at(-1)
    return {
      ...entry,
      ...(step !== undefined && { step }),
      layout: checkpoint.layout,
      layoutLabel: checkpoint.layoutLabel,
      ...weightOf(entry.path),
      ...(loss && { loss }),
      missing: verification.components.filter(({ status }) => /missing|damaged/.test(status)).map(({ id }) => id),
      verification,
      logs,
      settings: settingsOf(checkpoint.state.records.map(({ value }) => value)),
    }
  } finally {
    checkpoint.close()
  }
}

function unopened(entry: Listed, error: AssayError): RunRow {
  const verification: Verification = {
    verdict: 'broken',
    resume: { level: 'none', why: [`${error.message}.`] },
    components: [],
    findings: [findingOf(error, entry.name)],
    tensors: { count: 0, bytes: 0, parameters: 0 },
    deep: false,
  }
  return {
    ...entry,
    layout: 'unknown',
    layoutLabel: 'Not readable',
    modified: 0,
    bytes: 0,
    missing: [],
    verification,
    logs: { loss: [], evalLoss: [], learningRate: [], metrics: new Map(), lossUnit: 'step' },
    settings: {},
  }
}

/** Depth to which the files of a checkpoint are weighed: `pytorch_model_fsdp_0/__0_0.distcp`, and one more. */
const DEPTH = 3

/** Sizes of all files of a checkpoint together, and when the newest was written, in milliseconds since 1970. */
export function weightOf(path: string): { bytes: number; modified: number } {
  const parts = partsBeside(path).flatMap((name) => fileAt(joinPath(parentOf(path), name)) ?? [])
  const file = fileAt(path)
  const files = file ? [file, ...parts] : listFolder(path, DEPTH).filter(({ kind }) => kind === 'file')
  return {
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    modified: files.reduce((latest, { modified }) => Math.max(latest, modified), 0),
  }
}

/** TrainingArguments and trainer_state.json (transformers 5.18), or a script's config with the same names. */
function settingsOf(records: readonly Plain[]): RunSettings {
  const found = new Map<string, Plain>()
  for (const record of records) gather(record, found, 3)
  const [every, limit] = [numberOf(found.get('save_steps')), numberOf(found.get('save_total_limit'))]
  const best = found.get('best_model_checkpoint')
  return {
    // Below one it is a share of all steps.
    ...(every !== undefined && every >= 1 && { every }),
    ...(limit !== undefined && limit >= 1 && { limit }),
    // A path as it was when training ran: only its last part means something here.
    ...(typeof best === 'string' && { best: best.split(/[\\/]/).at(-1) ?? best }),
  }
}

const SETTINGS = ['save_steps', 'save_total_limit', 'best_model_checkpoint']

function gather(value: Plain, found: Map<string, Plain>, depth: number): void {
  const fields = fieldsOf(value)
  if (fields === undefined || depth === 0) return
  for (const [key, inner] of Object.entries(fields)) {
    if (SETTINGS.includes(key) && inner !== null && !found.has(key)) found.set(key, inner)
    else gather(inner, found, depth - 1)
  }
}
