import { useQuery } from '@tanstack/react-query'
import { useEffect, useRef, useState } from 'react'
import { useApi, useJob } from './context'
import type { JobEvent, JobState } from './jobs'
import { isCancelled, JobFailed, type Problem, problemOf } from './problem'

interface JobQuery<Result> {
  /** What is asked, in full: answers are kept by it. */
  readonly queryKey: readonly unknown[]
  /** What the user reads while it is worked out. */
  readonly title: string
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<JobEvent<Result>>>
  readonly enabled?: boolean
  /** Whether the answer to another key may stand in while there is none. */
  readonly keeps?: (queryKey: readonly unknown[]) => boolean
}

export interface JobAnswer<Result> {
  readonly data: Result | undefined
  /** It answers an earlier question, or there is none. */
  readonly stale: boolean
  /** While it is worked out. */
  readonly job: JobState<Result> | undefined
  readonly cancelled: boolean
  readonly problem: Problem | undefined
  readonly cancel: () => void
  readonly retry: () => void
}

/**
 * A question whose answer takes a job: it tells how far it is, goes on while one looks elsewhere, and the user may cancel it and ask
 * again. Asking another question cancels the one before.
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
  const { data, error, refetch } = useQuery<Result>({
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
  })
  const [before, setBefore] = useState<{ readonly queryKey: readonly unknown[]; readonly data: Result }>()
  if (data !== undefined && data !== before?.data) setBefore({ queryKey, data })
  const cancelled = isCancelled(error)
  return {
    data: data ?? (before && keeps?.(before.queryKey) ? before.data : undefined),
    stale: data === undefined,
    job: useJob<Result>(key),
    cancelled,
    problem: error && !cancelled ? problemOf(error) : undefined,
    cancel: () => jobs.cancel(key),
    retry: () => void refetch(),
  }
}
