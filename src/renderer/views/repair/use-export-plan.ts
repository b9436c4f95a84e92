import { useCallback, useEffect, useRef, useState } from 'react'
import type { ExportOptions, ExportPlan } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import type { JobState } from '../../api/jobs'

export interface ExportPreviewed {
  readonly job: JobState<ExportPlan> | undefined
  /** The last one that there was; it is about other options where `stale`. */
  readonly plan: ExportPlan | undefined
  readonly stale: boolean
  readonly cancel: () => void
  readonly retry: () => void
}

/**
 * What an export of the open checkpoint would write, worked out anew with every change of what is asked for. It reads values where
 * they are to be rounded, so it is a job as others are.
 */
export function useExportPlan(id: string, out: string, options: ExportOptions, enabled: boolean): ExportPreviewed {
  const { client, jobs } = useApi()
  const key = `export plan ${id}`
  const asked = JSON.stringify([out, options])
  const begun = useRef('')
  const [known, setKnown] = useState<{ asked: string; plan: ExportPlan }>()
  const job = useJob<ExportPlan>(key)
  const begin = useCallback(async () => {
    begun.current = asked
    const [to, as]: [string, ExportOptions] = JSON.parse(asked)
    const plan = await jobs.start<ExportPlan>(key, 'Working out the export', (signal) =>
      client.exportPlan({ id, out: to, options: as }, { signal }),
    )
    if (plan) setKnown({ asked, plan })
  }, [asked, client, id, jobs, key])
  useEffect(() => {
    if (!enabled) {
      begun.current = ''
      jobs.clear(key)
    } else if (begun.current !== asked) void begin()
  }, [enabled, asked, begin, jobs, key])
  return {
    job: enabled ? job : undefined,
    plan: known?.plan,
    stale: known?.asked !== asked,
    cancel: () => jobs.cancel(key),
    retry: () => void begin(),
  }
}
