import { resolve } from 'node:path'
import type { Progress } from '../contract/schemas'
import { type Client, localEngine } from '../engine/local'
import { UsageError } from './complaint'
import type { Io } from './io'
import { progressLine } from './text/progress'
import { plural } from './text/units'

type JobEvent<Result> = { type: 'progress'; progress: Progress } | { type: 'result'; result: Result }

/** What commands share: the engine in this process, jobs run to their end under a progress line, one way to open. */
export interface Session {
  readonly client: Client
  /** Runs a job to its result, telling its progress to whoever watches. */
  finish<Result>(job: Promise<AsyncIterable<JobEvent<Result>>>): Promise<Result>
  /** Opens what must be one checkpoint. Throws UsageError for a run. */
  checkpoint(path: string): Promise<{ readonly id: string; readonly path: string }>
  /** An absolute path. */
  absolute(path: string): string
}

/** Runs `work` with a session and closes what it opened. */
export async function withSession<Result>(io: Io, work: (session: Session) => Promise<Result>): Promise<Result> {
  const { client, close } = localEngine()
  const absolute = (path: string) => resolve(io.folder, path)
  const progress = progressLine(io)
  try {
    return await work({
      client,
      absolute,
      async finish(job) {
        for await (const event of await job) {
          if (event.type === 'result') return event.result
          progress.show(event.progress)
        }
        throw new Error('The job ended without a result')
      },
      async checkpoint(path) {
        const opened = await client.hold({ path: absolute(path) })
        if (opened.kind === 'checkpoint') return opened
        throw severalCheckpoints(path, opened.checkpoints)
      },
    })
  } finally {
    progress.clear()
    close()
  }
}

/** What is asked of one checkpoint cannot be asked of a run. */
export function severalCheckpoints(path: string, checkpoints: readonly { readonly path: string }[]): UsageError {
  const last = checkpoints.at(-1)
  return new UsageError(
    `${path} holds ${plural(checkpoints.length, 'checkpoint')}`,
    last && `Name one, as ${last.path}`,
  )
}
