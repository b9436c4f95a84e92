import { readFileSync, statSync } from 'node:fs'
import type { z } from 'zod'
import { editedPlan, type PlanStep } from '../../contract/schemas'
import { UsageError } from '../complaint'

type EditedStep = z.infer<typeof editedPlan>['plan'][number]

interface Answers {
  readonly decisions: { readonly step: number; readonly subject: string; readonly choice?: string }[]
  readonly shapes: ReadonlyMap<string, number[]>
  /** What the plan says that steps come to which it does not answer, by their numbers. */
  readonly outcomes: ReadonlyMap<number, string>
  readonly worldSize?: number
}

/**
 * What a plan that was printed by `--dry-run --json` and edited says is to be done: steps marked `refused` are not,
 * `chosen` and `shape` answer those that ask. All of it is checked against a plan made anew. Throws
 * UsageError when the file is no such plan.
 */
export function answersIn(path: string): Answers {
  const { plan, worldSize } = parsed(path)
  const listed = new Set(plan.map(({ step }) => step))
  if (listed.size !== plan.length) throw new UsageError(`${path} lists a step twice`)
  const shapes = plan.flatMap(({ subject, shape }) => (shape ? [[subject, shape] as const] : []))
  return {
    decisions: plan.map((each) => {
      const choice = isRefused(each) ? 'none' : each.chosen
      return { step: each.step, subject: each.subject, ...(choice !== undefined && { choice }) }
    }),
    shapes: new Map(shapes),
    outcomes: new Map(
      plan.flatMap((each) => {
        const isAnswered = isRefused(each) || each.chosen !== undefined || each.shape !== undefined
        return isAnswered || each.after === undefined ? [] : [[each.step, each.after] as const]
      }),
    ),
    ...(worldSize !== undefined && { worldSize }),
  }
}

/** A step that was refused when the plan was printed, or in the file; not one that only says what cannot be done. */
function isRefused({ kind, confidence, chosen, refused, shape }: EditedStep): boolean {
  return refused ?? (confidence === 'refused' && kind !== 'refuse' && chosen === undefined && shape === undefined)
}

/** Throws UsageError where a step, made anew, comes to something else than the file says: what it says must not be passed over. */
export function refuseOtherOutcomes({ outcomes }: Answers, plan: readonly PlanStep[]): void {
  for (const { step, subject, after } of plan) {
    const told = outcomes.get(step)
    if (told === undefined || after === undefined || told === after) continue
    throw new UsageError(
      `Step ${step} makes ${subject} ${after}, not ${told}. Another shape is given as "shape": [2, 3] in the step; else the plan has changed since: make a new one (--dry-run --json)`,
    )
  }
}

/** Refusals of the steps, of so many, that the answers do not speak of: they were deleted from the plan. */
export function deletedSteps({ decisions }: Answers, steps: number): { step: number; choice: string }[] {
  const listed = new Set(decisions.map(({ step }) => step))
  const all = Array.from({ length: steps }, (_, i) => i + 1)
  return all.filter((step) => !listed.has(step)).map((step) => ({ step, choice: 'none' }))
}

function parsed(path: string) {
  try {
    // A pipe that nobody writes to would be waited for.
    if (!statSync(path).isFile()) throw new UsageError(`${path} cannot be read as a plan: it is no file`)
    const result = editedPlan.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    if (result.success) return result.data
    const [issue] = result.error.issues
    throw new UsageError(`${path} is no plan: ${issue?.path.join('.')}: ${issue?.message}`)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${path} cannot be read as a plan: ${error instanceof Error ? error.message : String(error)}`)
  }
}
