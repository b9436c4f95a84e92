import type { Progress } from '../contract/schemas'
import { failureOf } from './failure'

/** How often a job tells how far it is. */
const TICK_MS = 100

export type OnProgress = (done: number, total: number, label: string) => void
type JobEvent<Result> = { type: 'progress'; progress: Progress } | { type: 'result'; result: Result }

/**
 * Runs `work` as a stream: progress about ten times a second, then one result. Ending the stream early, or `signal`, aborts the
 * work, and the stream is over only when the work is, so that nothing is closed or removed under its hands.
 */
export async function* job<Result>(
  signal: AbortSignal | undefined,
  work: (onProgress: OnProgress, signal: AbortSignal) => Promise<Result>,
): AsyncGenerator<JobEvent<Result>, void> {
  const stop = linked(signal)
  let latest: Progress | undefined
  const onProgress: OnProgress = (done, total, label) => {
    latest = { done, total, label }
  }
  const outcome = settled(work(onProgress, stop.signal))
  try {
    for (;;) {
      const ended = await orAfter(TICK_MS, outcome)
      if (ended === 'not yet') {
        const progress = latest
        latest = undefined
        if (progress) yield { type: 'progress', progress }
        continue
      }
      if ('error' in ended) throw failureOf(ended.error)
      yield { type: 'result', result: ended.value }
      return
    }
  } finally {
    stop.abort()
    await outcome
  }
}

/** Passes on what `each` yields; ending the stream early, or `signal`, aborts it. */
export async function* stream<Item>(
  signal: AbortSignal | undefined,
  each: (signal: AbortSignal) => AsyncIterable<Item>,
): AsyncGenerator<Item, void> {
  const stop = linked(signal)
  try {
    yield* each(stop.signal)
  } catch (error) {
    throw failureOf(error)
  } finally {
    stop.abort()
  }
}

/** A controller that aborts with `signal`. (`AbortSignal.any` came with Node 20.) */
function linked(signal: AbortSignal | undefined): AbortController {
  const stop = new AbortController()
  if (signal?.aborted) stop.abort()
  signal?.addEventListener('abort', () => stop.abort(), { once: true })
  return stop
}

type Outcome<Value> = { value: Value } | { error: unknown }

function settled<Value>(work: Promise<Value>): Promise<Outcome<Value>> {
  return work.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  )
}

async function orAfter<Value>(ms: number, promise: Promise<Value>): Promise<Value | 'not yet'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'not yet'>((resolve) => {
    timer = setTimeout(resolve, ms, 'not yet')
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
