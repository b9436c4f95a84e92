import type { ExportOptions, ExportPlan } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { useJobQuery } from '../../api/job-query'
import type { JobState } from '../../api/jobs'
import { isCancelled, type Problem, problemOf } from '../../api/problem'

export interface ExportPreviewed {
  readonly job: JobState | undefined
  /** The last one that there was; it is about other options where `stale`. */
  readonly plan: ExportPlan | undefined
  readonly stale: boolean
  readonly cancelled: boolean
  readonly problem: Problem | undefined
  readonly cancel: () => void
  readonly retry: () => void
}

/** What an export of the open checkpoint would write, worked out anew with every change of what is asked for. */
export function useExportPlan(id: string, out: string, options: ExportOptions, enabled: boolean): ExportPreviewed {
  const { client } = useApi()
  const { query, job, cancel } = useJobQuery<ExportPlan>({
    queryKey: ['export plan', id, out, options],
    title: 'Working out the export',
    open: (signal) => client.exportPlan({ id, out, options }, { signal }),
    enabled,
    keeps: ([, of]) => of === id,
  })
  const cancelled = isCancelled(query.error)
  return {
    job,
    plan: query.data,
    stale: query.isPlaceholderData,
    cancelled,
    problem: query.error && !cancelled ? problemOf(query.error) : undefined,
    cancel,
    retry: () => void query.refetch(),
  }
}
