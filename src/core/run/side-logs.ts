import { openFile } from '../bytes/file'
import { baseName, type FolderEntry, joinPath, listFolder, parentOf } from '../bytes/folder'
import { readBytes } from '../bytes/source'
import type { Run } from '../checkpoint/checkpoint'
import { openStateFile } from '../checkpoint/state-file'
import { parseJson } from '../decode/json'
import { AssayError, throwIfAborted } from '../errors'
import type { LogSource } from '../history/history'
import { type Logs, logsOf } from '../history/logs'

/** Event files, Lightning's table, the state that the Trainer leaves in its output folder when it ends. */
const LOG = /\btfevents\b|^metrics\.csv$|^trainer_state\.json$/
/** Where loggers write: `runs/<date>_<host>`, `lightning_logs/version_0`, `csv/version_0`. */
const DEPTH = 4
/** Folders that are looked into, and logs that are read. */
const MOST = 200
/** Largest JSON that is read. */
const LARGEST = 256 << 20

/** A log file, found and not read yet. */
export interface Log {
  readonly path: string
  readonly name: string
  readonly modified: number
  /** What the folder holds beside it. */
  readonly beside: ReadonlySet<string>
}

/** The logs beside the checkpoints of a run. One that cannot be read is left out. Throws `cancelled`. */
export async function sideLogs(run: Run, signal?: AbortSignal): Promise<LogSource[]> {
  const sources: LogSource[] = []
  for (const log of logsBeside(run).slice(0, MOST)) {
    throwIfAborted(signal)
    sources.push(...(await readLog(log)))
  }
  return sources
}

function logsBeside({ path: root, name, checkpoints }: Run): Log[] {
  const known = new Set(checkpoints.map(({ path }) => path))
  const found: Log[] = []
  // Lightning puts the checkpoints into a folder of their own beside the logs.
  if (name === 'checkpoints') found.push(...logsIn(parentOf(root), '..', entriesOf(parentOf(root))))
  const waiting = [{ path: root, name: '', depth: 1 }]
  for (let looked = 0; waiting.length > 0 && looked < MOST; looked++) {
    const folder = waiting.shift() as (typeof waiting)[number]
    const entries = entriesOf(folder.path)
    found.push(...logsIn(folder.path, folder.name, entries))
    if (folder.depth >= DEPTH) continue
    for (const { path: inner, kind } of entries) {
      const path = joinPath(folder.path, inner)
      if (kind !== 'folder' || known.has(path)) continue
      waiting.push({ path, name: folder.name ? `${folder.name}/${inner}` : inner, depth: folder.depth + 1 })
    }
  }
  return found
}

/** What a folder holds; nothing where it may not be listed. */
export function entriesOf(path: string): FolderEntry[] {
  try {
    return listFolder(path, 1)
  } catch (error) {
    if (error instanceof AssayError) return []
    throw error
  }
}

/** The logs among the entries of a folder, which is called `prefix`. */
export function logsIn(folder: string, prefix: string, entries: readonly FolderEntry[]): Log[] {
  const beside = new Set(entries.map(({ path }) => path))
  return entries
    .filter(({ path, kind }) => kind === 'file' && LOG.test(path))
    .map(({ path, modified }) => ({
      path: joinPath(folder, path),
      name: prefix ? `${prefix}/${path}` : path,
      modified,
      beside,
    }))
}

/** What a log tells; nothing where it cannot be read. */
export async function readLog({ path, name, modified, beside }: Log): Promise<LogSource[]> {
  try {
    if (baseName(path) === 'trainer_state.json') {
      return [{ name, time: modified, logs: logsOf(await jsonOf(path), {}) }]
    }
    const file = await openStateFile(path, name, 'trainer')
    file.close()
    const firstStep = isLightnings(path, beside) ? 0 : 1
    return (file.records ?? []).map(({ value }) => ({
      name,
      time: modified,
      logs: asSaved(logsOf(value, { firstStep })),
    }))
  } catch (error) {
    if (error instanceof AssayError) return []
    throw error
  }
}

/** Metrics as a checkpoint names them: transformers' TensorBoard callback writes `train/grad_norm` and `eval/accuracy`. */
function asSaved(logs: Logs): Logs {
  const plain = (tag: string) => tag.replace(/^train\//, '').replace(/^eval\//, 'eval_')
  return { ...logs, metrics: new Map([...logs.metrics].map(([tag, points]) => [plain(tag), points])) }
}

/** Lightning's loggers write metrics.csv, or into `version_<n>` with hparams.yaml beside, and count steps from 0. */
function isLightnings(path: string, beside: ReadonlySet<string>): boolean {
  return (
    baseName(path) === 'metrics.csv' || beside.has('hparams.yaml') || /^version_\d+$/.test(baseName(parentOf(path)))
  )
}

async function jsonOf(path: string) {
  const source = openFile(path)
  try {
    if (source.size > LARGEST) throw new AssayError('file/resource-bomb', `${path} is too large for a log`)
    return parseJson(new TextDecoder().decode(await readBytes(source, 0, source.size)), path)
  } finally {
    source.close()
  }
}
