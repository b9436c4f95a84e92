import type { PlanStep, RepairPlan } from '../../../contract/schemas'
import type { Shapes } from './use-plan'

type Plan = Pick<RepairPlan, 'plan' | 'unmended'>

/** Whether anything is wrong that a repair could be about; training state that was not saved is not. */
export function needsRepair({ plan, unmended }: Plan): boolean {
  return plan.length > 0 || unmended.some(({ note }) => !note)
}

/** Whether a reference may help: where there are steps, or where a reason hopes for one. */
export function hopesForReference({ plan, unmended }: Plan): boolean {
  return plan.length > 0 || unmended.some(({ why }) => /reference/i.test(why))
}

/** Whether a step only says what "no repair can mend" says already. One that a typed shape has led to is answered in its place. */
export function isTold({ confidence, subject, evidence }: PlanStep, { unmended }: Plan, shapes: Shapes): boolean {
  if (confidence !== 'refused' || shapes[subject]) return false
  return unmended.some((each) => !each.note && each.why === evidence)
}

interface LostCause {
  readonly why: string
  readonly subjects: readonly string[]
  /** A shape that the user knows would help. */
  readonly wantsShape: boolean
}

/** What cannot be mended, one entry a reason; what a step asks about may still be. */
export function lostCauses({ plan, unmended }: Plan): LostCause[] {
  const asked = new Set(plan.filter(({ confidence }) => confidence === 'ask').map(({ evidence }) => evidence))
  const causes = new Map<string, { subjects: Set<string>; wantsShape: boolean }>()
  for (const { rule, why, subject, note } of unmended) {
    if (note || asked.has(why)) continue
    const cause = causes.get(why) ?? { subjects: new Set(), wantsShape: rule === 'weights/flattened' }
    cause.subjects.add(subject)
    causes.set(why, cause)
  }
  return [...causes].map(([why, { subjects, wantsShape }]) => ({ why, subjects: [...subjects], wantsShape }))
}
