import type { OpenedCheckpoint } from '../../contract/contract'
import type { History, RunFacts, RunRow } from '../../contract/schemas'
import type { Client } from './connection'
import { problemOf } from './problem'

type Listed = OpenedCheckpoint['siblings'][number]

/** A run as far as it has been read. */
export interface ReadRun {
  readonly kind: 'run'
  readonly path: string
  readonly name: string
  /** Every checkpoint by name, the oldest first. */
  readonly listed: readonly Listed[]
  /** Those that have been looked at, in the same order. */
  readonly checkpoints: readonly RunRow[]
  /** What they tell together; null until all were looked at. */
  readonly facts: RunFacts | null
  /** That of the run, or of several that of the one written last; null until all were looked at. */
  readonly history: History | null
}

/** So often is the window told of rows that have come. */
const EVERY_MS = 250

/** The run at a path, again and again as it grows; nothing at all where there is a checkpoint, or nothing. */
export async function* readRun(client: Client, path: string, signal: AbortSignal): AsyncGenerator<ReadRun> {
  let run: ReadRun | undefined
  const rows = new Map<string, RunRow>()
  let told = 0
  try {
    for await (const event of await client.run({ path }, { signal })) {
      if (event.type === 'listed') {
        const { checkpoints, ...head } = event
        run = {
          kind: 'run',
          path: head.path,
          name: head.name,
          listed: checkpoints,
          checkpoints: [],
          facts: null,
          history: null,
        }
      } else if (event.type === 'row') rows.set(event.row.path, event.row)
      if (!run) continue
      const checkpoints = run.listed.flatMap((each) => rows.get(each.path) ?? [])
      if (event.type === 'result') yield { ...run, checkpoints, facts: event.result, history: event.history }
      else if (performance.now() - told > EVERY_MS) {
        told = performance.now()
        yield { ...run, checkpoints }
      }
    }
  } catch (error) {
    // What it is instead, `open` tells, and what is wrong with it.
    if (!run && /^(not-a-run|file\/unreadable)$/.test(problemOf(error).code)) return
    throw error
  }
}
