import { NONE } from '../../../contract/plan-file'
import type { PlanStep } from '../../../contract/schemas'

/** What was said about steps, by their keys: the id of one of its choices, or `none`; undefined where an answer was taken back. */
export type Answers = ReadonlyMap<string, string | undefined>

/** Steps with keys that stay theirs when a plan is made anew, whatever their numbers are then. */
export function keyedSteps<Step extends Pick<PlanStep, 'kind' | 'subject'>>(
  plan: readonly Step[],
): { readonly key: string; readonly step: Step }[] {
  const seen = new Map<string, number>()
  return plan.map((step) => {
    const name = `${step.kind} ${step.subject}`
    const before = seen.get(name) ?? 0
    seen.set(name, before + 1)
    return { key: before === 0 ? name : `${name} ${before}`, step }
  })
}

/** The answers as the contract takes them: those that are about a step of this plan and that the step allows. */
export function decisionsOn(plan: readonly PlanStep[], answers: Answers) {
  return keyedSteps(plan).flatMap(({ key, step }) => {
    const choice = answers.get(key)
    const allowed = choice === NONE ? isRefusable(step) : step.choices?.some(({ id }) => id === choice)
    return choice !== undefined && allowed ? [{ step: step.step, subject: step.subject, choice }] : []
  })
}

/**
 * An index is made anew because of the steps before it: when they are refused there may be none to refuse, so it is not in
 * the decisions and left out when the rest is carried out.
 */
function isRefusable({ kind, confidence }: PlanStep): boolean {
  return confidence !== 'refused' && kind !== 'rebuild-index'
}

/** Numbers of the steps that are refused only when the plan is carried out. */
export function leftOut(plan: readonly PlanStep[], answers: Answers): number[] {
  return keyedSteps(plan)
    .filter(({ key, step }) => step.kind === 'rebuild-index' && answers.get(key) === NONE)
    .map(({ step }) => step.step)
}

/** Whether the step is done as it stands. */
export function isDone({ confidence }: Pick<PlanStep, 'confidence'>): boolean {
  return confidence === 'certain' || confidence === 'likely'
}
