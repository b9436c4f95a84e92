import type { ExportOptions, ExportPlan } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { type JobAnswer, useJobQuery } from '../../api/job-query'

/** What an export of the open checkpoint would write, worked out anew with every change of what is asked for. */
export function useExportPlan(
  id: string,
  out: string,
  options: ExportOptions,
  enabled: boolean,
): JobAnswer<ExportPlan> {
  const { client } = useApi()
  return useJobQuery<ExportPlan>({
    queryKey: ['export plan', id, out, options],
    title: 'Working out the export',
    open: (signal) => client.exportPlan({ id, out, options }, { signal }),
    enabled,
    keeps: ([, of]) => of === id,
  })
}
