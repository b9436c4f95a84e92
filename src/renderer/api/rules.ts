import { useQuery } from '@tanstack/react-query'
import type { RuleText } from '../../contract/schemas'
import { useApi } from './context'

const NONE: ReadonlyMap<string, RuleText> = new Map()

/** What a person should know of each rule, by its id; empty until they are there. */
export function useRules(): ReadonlyMap<string, RuleText> {
  const { client } = useApi()
  const { data } = useQuery({
    queryKey: ['rules'],
    queryFn: async ({ signal }) => new Map((await client.rules(undefined, { signal })).map((rule) => [rule.id, rule])),
    staleTime: Number.POSITIVE_INFINITY,
  })
  return data ?? NONE
}
