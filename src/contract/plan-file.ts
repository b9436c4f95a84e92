import type { z } from 'zod'
import type { decision, EditedPlan, PlanStep, RepairPlan, RepairResult } from './schemas'

type EditedStep = EditedPlan['plan'][number]
type Decision = z.infer<typeof decision>

/** What of a plan in a file does not fit the plan as it is made now, and why not. */
export interface Misfit {
  readonly step: number
  readonly subject: string
  readonly why: string
}

interface Answers {
  readonly decisions: readonly (Decision & { readonly subject: string })[]
  /** Refusals of the steps that the file does not list. */
  readonly unlisted: Answers['decisions']
  readonly misfits: readonly Misfit[]
}

/** The answer that refuses a step. */
export const NONE = 'none'

/** Shapes that a plan in a file gives, by the name of the tensor; what it says again later holds. */
export function shapesIn({ plan }: EditedPlan): Map<string, number[]> {
  return new Map(plan.flatMap(({ subject, shape }) => (shape ? [[subject, shape] as const] : [])))
}

/**
 * What a plan in a file decides about the steps of `plan`, which was made anew with the shapes of the file: steps marked `refused`
 * are not done, nor those that were deleted, and `chosen` answers those that ask. What it says of a step that is not there any more,
 * of a choice that is not offered and of another outcome is not taken.
 */
export function answersOn({ plan: edited }: EditedPlan, plan: readonly PlanStep[]): Answers {
  const decisions: Answers['decisions'][number][] = []
  const misfits: Misfit[] = []
  const listed = new Set<PlanStep>()
  for (const each of edited) {
    const step = stepOf(each, plan)
    const why = step ? whyNot(each, step) : whyNone(each, plan)
    if (why !== undefined) misfits.push({ step: each.step, subject: each.subject, why })
    if (!step) continue
    listed.add(step)
    const choice = isRefused(each) ? NONE : each.chosen
    if (why === undefined && choice !== undefined) decisions.push({ step: step.step, subject: step.subject, choice })
  }
  const rest = plan.filter((each) => !listed.has(each))
  return { decisions, unlisted: rest.map(({ step, subject }) => ({ step, subject, choice: NONE })), misfits }
}

/** A step is known by its subject and kind, also where numbers have moved; a shape may make another kind of it. */
function stepOf({ step, subject, kind, shape }: EditedStep, plan: readonly PlanStep[]): PlanStep | undefined {
  const isOfKind = (each: PlanStep) => kind === undefined || shape !== undefined || each.kind === kind
  const same = plan.filter((each) => each.subject === subject && isOfKind(each))
  return same.find((each) => each.step === step) ?? (same.length === 1 ? same[0] : undefined)
}

function whyNone({ step, subject }: EditedStep, plan: readonly PlanStep[]): string {
  const there = plan.find((each) => each.step === step)
  if (!there) return `The plan has ${plan.length} steps; there is no step ${step} about ${subject}`
  return there.subject === subject
    ? `Step ${step} does something else to ${subject} now: ${there.action}`
    : `Step ${step} is about ${there.subject}, not about ${subject}`
}

function whyNot(edited: EditedStep, step: PlanStep): string | undefined {
  const { subject, chosen, shape, after } = edited
  if (isRefused(edited)) return undefined
  if (chosen !== undefined) {
    const offered = step.choices?.map(({ id }) => id) ?? []
    if (offered.includes(chosen)) return undefined
    return `Step ${step.step} has no choice ${chosen}; it offers ${[...offered, NONE].join(', ')}`
  }
  if (shape) return step.confidence === 'refused' ? step.evidence : undefined
  if (after === undefined || step.after === undefined || after === step.after) return undefined
  return `Step ${step.step} makes ${subject} ${step.after}, not ${after}. Another shape is given as "shape": [2, 3] in the step`
}

/**
 * A step that was refused when the plan was printed, or in the file, whatever is chosen in it as well: what was refused is not
 * done. Not one that only says what cannot be done, nor one that is given another shape than was refused.
 */
function isRefused({ kind, confidence, refused, shape, after }: EditedStep): boolean {
  const isNewShape = shape !== undefined && after !== textOf(shape)
  return refused ?? (confidence === 'refused' && kind !== 'refuse' && !isNewShape)
}

/** A shape as plans print it. */
function textOf(shape: readonly number[]): string {
  return `[${shape.join(', ')}]`
}

/** A plan as a document that can be edited and given back: as a result that has not been applied. */
export function printedPlan({ plan, unmended, verdictBefore, worldSize }: RepairPlan) {
  const processes = worldSize === undefined ? {} : { worldSize }
  const result = { plan, unmended, applied: false, out: null, verdictBefore, verdictAfter: null, compared: 0 }
  return { ...result, ...processes } satisfies RepairResult
}
