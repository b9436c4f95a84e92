import type { RepairPlan } from './use-plan'

type Plan = Pick<RepairPlan, 'plan' | 'unmended'>

/** Whether anything is wrong that a repair could be about; training state that was not saved is not. */
export function needsRepair({ plan, unmended }: Plan): boolean {
  return plan.length > 0 || unmended.some(({ note }) => !note)
}

/** Whether a reference may help: where there are steps, or where a reason hopes for one. */
export function hopesForReference({ plan, unmended }: Plan): boolean {
  return plan.length > 0 || unmended.some(({ why }) => /reference/i.test(why))
}
