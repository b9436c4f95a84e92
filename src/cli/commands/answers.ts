import { readFileSync } from 'node:fs'
import { editedPlan } from '../../contract/schemas'
import { UsageError } from '../complaint'

interface Answers {
  readonly decisions: { readonly step: number; readonly subject: string; readonly choice?: string }[]
  readonly shapes: Record<string, number[]>
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
    decisions: plan.map(({ step, subject, chosen, refused }) => {
      const choice = refused ? 'none' : chosen
      return { step, subject, ...(choice !== undefined && { choice }) }
    }),
    shapes: Object.fromEntries(shapes),
    ...(worldSize !== undefined && { worldSize }),
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
    const result = editedPlan.safeParse(JSON.parse(readFileSync(path, 'utf8')))
    if (result.success) return result.data
    const [issue] = result.error.issues
    throw new UsageError(`${path} is no plan: ${issue?.path.join('.')}: ${issue?.message}`)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${path} cannot be read as a plan: ${error instanceof Error ? error.message : String(error)}`)
  }
}
