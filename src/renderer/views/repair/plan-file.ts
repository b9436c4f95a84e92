import { answersOn, printedPlan, shapesIn } from '../../../contract/plan-file'
import type { EditedPlan, RepairPlan } from '../../../contract/schemas'
import { fileNameOf, saveFile } from '../../ui/save'
import { type Answers, decisionsOn, keyedSteps, leftOut } from './answers'
import type { Help, Shapes } from './use-plan'

/** The part of the help that a plan in a file brings along. */
type Given = Pick<Help, 'shapes' | 'worldSize'>

/**
 * The help in a plan from a file, as far as the open checkpoint can be helped by it: shapes of what the plan speaks of, and the number of
 * processes where each keeps a state of its own.
 */
export function helpIn(file: EditedPlan, { plan, unmended }: RepairPlan, hasRanks: boolean): Given {
  const spokenOf = new Set([...plan, ...unmended].map(({ subject }) => subject))
  const shapes = [...shapesIn(file)].filter(([name]) => spokenOf.has(name))
  return { shapes: Object.fromEntries(shapes), worldSize: hasRanks ? file.worldSize : undefined }
}

/** What a plan from a file says about the plan as it is made now. */
export interface Fit {
  readonly answers: Answers
  /** So many of its answers hold: choices, refusals, shapes, the number of processes. */
  readonly taken: number
  /** So many steps are refused because the file does not list them. */
  readonly unlisted: number
  /** Why each of the others does not, a sentence. */
  readonly misfits: readonly string[]
}

/** Fits a plan from a file to the plan that was made with the help in it. */
export function fitOf(file: EditedPlan, plan: RepairPlan, { shapes, worldSize }: Given): Fit {
  const { decisions, unlisted, misfits } = answersOn(file, plan.plan)
  const keys = new Map(keyedSteps(plan.plan).map(({ key, step }) => [step.step, key]))
  const answersOf = (given: typeof decisions) =>
    new Map(given.flatMap(({ step, choice }) => pairOf(keys.get(step), choice)))
  const countOf = (given: typeof decisions) => {
    const answers = answersOf(given)
    return decisionsOn(plan.plan, answers).length + leftOut(plan.plan, answers).length
  }
  const wrong = new Set(misfits.map(({ subject }) => subject))
  const shaped = Object.keys(shapes).filter((name) => !wrong.has(name)).length
  const lost = file.worldSize !== undefined && worldSize === undefined
  return {
    answers: answersOf([...decisions, ...unlisted]),
    unlisted: countOf(unlisted),
    taken: countOf(decisions) + shaped + (worldSize === undefined ? 0 : 1),
    misfits: [
      ...misfits.map(({ why }) => why),
      ...(lost ? [`It is for ${file.worldSize} processes; here none keeps a state of its own`] : []),
    ],
  }
}

function pairOf(key: string | undefined, choice: string | undefined): (readonly [string, string])[] {
  return key === undefined || choice === undefined ? [] : [[key, choice]]
}

/** Hands the plan with all that was answered to the user to keep, as the command takes it and the window loads it. */
export function savePlan(name: string, plan: RepairPlan, shapes: Shapes, answers: Answers): void {
  saveFile(fileNameOf(`${name} repair plan`, 'json'), new Blob([textOf(plan, shapes, answers)], { type: 'text/json' }))
}

/** The plan as it is kept: with the shapes that were typed, and the steps marked that only carrying it out would leave. */
export function textOf(plan: RepairPlan, shapes: Shapes, answers: Answers): string {
  const typed = new Map(Object.entries(shapes))
  const refused = new Set(leftOut(plan.plan, answers))
  const steps = plan.plan.map((step) => {
    const shape = typed.get(step.subject)
    return { ...step, ...(shape && { shape }), ...(refused.has(step.step) && { refused: true }) }
  })
  return `${JSON.stringify({ schema: 1, ...printedPlan(plan), plan: steps }, null, 2)}\n`
}
