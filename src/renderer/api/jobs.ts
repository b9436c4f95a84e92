import { EngineStopped } from './connection'
import { isCancelled, type Problem, problemOf } from './problem'

export interface Progress {
  readonly done: number
  readonly total: number
  readonly label: string
}

export type JobEvent<Result> =
  | { type: 'progress'; progress: Progress; partial?: Result | undefined }
  | { type: 'result'; result: Result }

export interface JobState<Result = unknown> {
  readonly status: 'running' | 'done' | 'failed' | 'cancelled'
  /** What the user reads while it runs. */
  readonly title: string
  readonly progress?: Progress
  /** Bytes a second, once there is something to go by. */
  readonly rate?: number
  /** What there is of the result while it comes. */
  readonly partial?: Result
  readonly result?: Result
  readonly problem?: Problem
}

interface Entry {
  state: JobState
  readonly abort: AbortController
}

/**
 * Long work, by key, outlives the view that began it: the status bar shows it, Esc cancels it, and coming back to the view finds
 * its result. Starting a key again cancels what ran under it.
 */
export class Jobs {
  readonly #entries = new Map<string, Entry>()
  readonly #listeners = new Set<() => void>()
  #running: readonly (JobState & { readonly key: string })[] = []

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get(key: string): JobState | undefined {
    return this.#entries.get(key)?.state
  }

  /** Jobs at work, oldest first. The same array until one of them changes. */
  running = (): readonly (JobState & { readonly key: string })[] => this.#running

  /**
   * Runs a stream of events to its end and keeps what it says under `key`.
   * @returns the result, or undefined when it failed or was cancelled (the state tells which)
   */
  async start<Result>(
    key: string,
    title: string,
    open: (signal: AbortSignal) => Promise<AsyncIterable<JobEvent<Result>>>,
  ): Promise<Result | undefined> {
    this.cancel(key)
    const entry: Entry = { state: { status: 'running', title }, abort: new AbortController() }
    this.#entries.set(key, entry)
    this.#changed()
    const { signal } = entry.abort
    const pace = new Pace()
    try {
      for await (const event of await open(signal)) {
        if (signal.aborted) break
        if (event.type === 'result') {
          this.#put(key, entry, { status: 'done', title, result: event.result })
          return event.result
        }
        const partial = event.partial ?? entry.state.partial
        const coming = partial !== undefined && { partial }
        const rate = pace.rate(event.progress.done)
        const { progress } = event
        this.#put(key, entry, { status: 'running', title, progress, ...coming, ...(rate !== undefined && { rate }) })
      }
      this.#put(key, entry, signal.aborted ? { status: 'cancelled', title } : unfinished(title))
    } catch (error) {
      // Cancelled by somebody else than the user: the engine went away, and cleaned up nothing.
      const problem = problemOf(isCancelled(error) ? new EngineStopped() : error)
      this.#put(key, entry, signal.aborted ? { status: 'cancelled', title } : { status: 'failed', title, problem })
    }
    return undefined
  }

  cancel(key: string): void {
    const entry = this.#entries.get(key)
    if (entry?.state.status !== 'running') return
    // the engine first: to draw what the window makes of it may take longer
    entry.abort.abort()
    this.#put(key, entry, { status: 'cancelled', title: entry.state.title })
  }

  /** Forgets what ended under `key`; what runs there is cancelled first. */
  clear(key: string): void {
    this.cancel(key)
    if (this.#entries.delete(key)) this.#changed()
  }

  #put(key: string, entry: Entry, state: JobState): void {
    if (this.#entries.get(key) !== entry || entry.state.status !== 'running') return
    entry.state = state
    this.#changed()
  }

  #changed(): void {
    this.#running = [...this.#entries]
      .filter(([, { state }]) => state.status === 'running')
      .map(([key, { state }]) => ({ ...state, key }))
    for (const listener of this.#listeners) listener()
  }
}

function unfinished(title: string): JobState {
  const problem = { title: 'The work ended without a result', hint: 'Try again.', code: 'engine/no-result' }
  return { status: 'failed', title, problem }
}

/** Before this many milliseconds a rate is chance. */
const SETTLED_MS = 500

/** How fast a job goes, from what it says of itself: since it began, or since it last began to count anew. */
class Pace {
  #from: { readonly at: number; readonly done: number } | undefined
  #last = 0

  /** Bytes a second with `done` of them done; undefined while there is nothing to go by. */
  rate(done: number): number | undefined {
    const at = performance.now()
    if (!this.#from || done < this.#last) this.#from = { at, done }
    this.#last = done
    const passed = at - this.#from.at
    return passed < SETTLED_MS ? undefined : ((done - this.#from.done) / passed) * 1000
  }
}
