import { useQuery } from '@tanstack/react-query'
import type { z } from 'zod'
import type { repairPlan, repairResult } from '../../../contract/schemas'
import { useApi } from '../../api/context'

export type RepairPlan = z.infer<typeof repairPlan>
export type PlanStep = RepairPlan['plan'][number]
export type RepairResult = z.infer<typeof repairResult>
export type Shapes = Readonly<Record<string, number[]>>

/** What a repair rests on, beside the checkpoint itself. */
export interface Help {
  /** Path of a sound checkpoint of the same model; empty for none. */
  readonly reference: string
  readonly shapes: Shapes
  /** Write files as torch's default loader takes them, whatever is lost by it. */
  readonly plain: boolean
}

/** The contract's words for it. */
export function inputOf(id: string, { reference, shapes, plain }: Help) {
  return {
    id,
    ...(reference !== '' && { reference }),
    ...(Object.keys(shapes).length > 0 && { shapes: { ...shapes } }),
    ...(plain && { plain }),
  }
}

/** The plan for the open checkpoint, made anew with every piece of help; the old one stays in sight until the new one is there. */
export function usePlan(id: string, help: Help, enabled = true) {
  const { client } = useApi()
  return useQuery({
    queryKey: ['plan', id, help],
    queryFn: ({ signal }) => client.repairPlan(inputOf(id, help), { signal }),
    enabled,
    placeholderData: (previous, query) => (query?.queryKey[1] === id ? previous : undefined),
  })
}

const NO_HELP: Help = { reference: '', shapes: {}, plain: false }

/** Subjects of findings that the plan has a step for, without any help. Asked only where a finding hopes for repair. */
export function useMendable(id: string, hopes: boolean): ReadonlySet<string> {
  const { data } = usePlan(id, NO_HELP, hopes)
  const steps = data?.plan.filter((step) => step.confidence !== 'refused') ?? []
  return new Set(steps.map((step) => step.subject))
}
