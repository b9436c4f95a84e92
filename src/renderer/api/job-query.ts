import { type UseQueryResult, useQuery } from '@tanstack/react-query'
import { useEffect, useRef } from 'react'
import { useApi, useJob } from './context'
import type { JobEvent, JobState } from './jobs'
import { JobFailed } from './problem'

interface JobQuery<Result> {
  /** What is asked, in full: answers are kept by it. */
  readonly queryKey: readonly unknown[]
  /** What the user reads while it is worked out. */
  readonly title: string
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<JobEvent<Result>>>
  readonly enabled?: boolean
  /** Whether the answer to another key may stand in until there is one. */
  readonly keeps?: (queryKey: readonly unknown[]) => boolean
}

interface JobAnswer<Result> {
  readonly query: UseQueryResult<Result>
  /** While it is worked out. */
  readonly job: JobState<Result> | undefined
  readonly cancel: () => void
}

/**
 * A question whose answer takes a job: it tells how far it is, goes on while one looks elsewhere, and ends as JobFailed where the
 * user cancels it. Asking another question cancels the one before.
 */
export function useJobQuery<Result>(question: JobQuery<Result>): JobAnswer<Result> {
  const { queryKey, title, open, enabled = true, keeps } = question
  const { jobs } = useApi()
  const key = JSON.stringify(queryKey)
  const last = useRef(key)
  useEffect(() => {
    if (last.current !== key) jobs.cancel(last.current)
    last.current = key
  }, [jobs, key])
  const query = useQuery<Result>({
    queryKey,
    enabled,
    queryFn: async () => {
      try {
        const result = await jobs.start<Result>(key, title, open)
        if (result === undefined) throw new JobFailed(jobs.get(key)?.problem)
        return result
      } finally {
        jobs.clear(key)
      }
    },
    ...(keeps && { placeholderData: (previous, of) => (of && keeps(of.queryKey) ? previous : undefined) }),
  })
  return { query, job: useJob<Result>(key), cancel: () => jobs.cancel(key) }
}
