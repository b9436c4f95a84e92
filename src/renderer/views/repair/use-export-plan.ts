import { useQuery } from '@tanstack/react-query'
import type { ExportOptions, ExportPlan } from '../../../contract/schemas'
import { useApi } from '../../api/context'

/** What an export of the open checkpoint would write. The old answer stays in sight until the new one is there. */
export function useExportPlan(id: string, out: string, options: ExportOptions, enabled: boolean) {
  const { client } = useApi()
  return useQuery({
    queryKey: ['export plan', id, out, options],
    queryFn: async ({ signal }): Promise<ExportPlan> => {
      for await (const event of await client.exportPlan({ id, out, options }, { signal }))
        if (event.type === 'result') return event.result
      throw new Error('The plan ended without a result')
    },
    enabled,
    placeholderData: (previous, query) => (query?.queryKey[1] === id ? previous : undefined),
  })
}
