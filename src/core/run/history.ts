import type { Checkpoint, Run } from '../checkpoint/checkpoint'
import { openCheckpoint } from '../checkpoint/open'
import { AssayError, throwIfAborted } from '../errors'
import { type History, historyOf, type LogSource, logsOfCheckpoint } from '../history/history'
import { weightOf } from './row'
import { sideLogs } from './side-logs'

/**
 * The history of a whole run: what its checkpoints and the logs beside them tell, merged. The schedule is that of the last
 * checkpoint which can be opened. Throws `cancelled`; what cannot be read is left out.
 */
export async function runHistory(run: Run, signal?: AbortSignal): Promise<History> {
  const sources: LogSource[] = []
  let last: Checkpoint | undefined
  for (const { path, name } of run.checkpoints) {
    throwIfAborted(signal)
    const checkpoint = await opened(path)
    if (!checkpoint) continue
    checkpoint.close()
    sources.push({ name, time: weightOf(path).modified, logs: logsOfCheckpoint(checkpoint) })
    if (checkpoint.state.schedulers.length > 0 || !last) last = checkpoint
  }
  return historyOf([...sources, ...(await sideLogs(run, signal))], last)
}

async function opened(path: string): Promise<Checkpoint | undefined> {
  try {
    return await openCheckpoint(path)
  } catch (error) {
    if (error instanceof AssayError) return undefined
    throw error
  }
}
