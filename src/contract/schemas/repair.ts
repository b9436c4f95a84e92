import { z } from 'zod'
import { shape } from './values'
import { verdict } from './verification'

/** Shapes the user typed, by tensor name. */
export const shapeChoices = z.record(z.string(), shape)

export const planStep = z.object({
  /** Position in the plan, from 1. */
  step: z.number().int(),
  /** `reshape`, `rename`, `drop`, `copy-from-reference`, `refuse`, `keep` ... */
  kind: z.string(),
  subject: z.string(),
  /** One imperative sentence. */
  action: z.string(),
  evidence: z.string(),
  confidence: z.enum(['certain', 'likely', 'ask', 'refused']),
  before: z.string().optional(),
  after: z.string().optional(),
  /**
   * The ways there are to do it, where there are several; a step that asks is done once one is chosen. Of a `reshape` they are
   * the shapes that some evidence speaks for, the id as `--shape` takes it (`1280,128,3`); another may be given instead.
   */
  choices: z
    .array(z.object({ id: z.string(), action: z.string(), evidence: z.string(), after: z.string().optional() }))
    .optional(),
  /** Id of the one that was chosen. */
  chosen: z.string().optional(),
  /** What the result will not have any more, a line each. */
  lost: z.array(z.string()).optional(),
})

/** What the user has decided about a step: one of its `choices`, or `none` to refuse it. `subject` must be that of the step. */
export const decision = z.object({
  step: z.number().int().positive(),
  subject: z.string().optional(),
  choice: z.string().optional(),
})

/** A plan as `repair --dry-run --json` prints it, edited: `chosen` and `shape` answer a step, `refused` or its absence refuses it, `worldSize` may be put in. */
export const editedPlan = z.object({
  plan: z.array(
    z.object({
      step: z.number().int().positive(),
      subject: z.string(),
      chosen: z.string().optional(),
      refused: z.boolean().optional(),
      shape: shape.optional(),
    }),
  ),
  worldSize: z.number().int().positive().optional(),
})

export const repairPlan = z.object({
  plan: z.array(planStep),
  /** Findings nothing here can mend, with the reason; `note`: it only tells of training state that was not saved. */
  unmended: z.array(z.object({ rule: z.string(), subject: z.string(), why: z.string(), note: z.boolean().optional() })),
  verdictBefore: verdict,
  /** Number of processes that the plan was made for, where that was asked for. */
  worldSize: z.number().optional(),
  /** Files that would be written, relative to the target, with their size in bytes. */
  files: z.array(z.object({ path: z.string(), bytes: z.number(), action: z.enum(['write', 'copy', 'remove']) })),
})

export const repairResult = z.object({
  plan: z.array(planStep),
  unmended: repairPlan.shape.unmended,
  applied: z.boolean(),
  out: z.string().nullable(),
  verdictBefore: verdict,
  verdictAfter: verdict.nullable(),
  /** Tensors whose bytes were compared with the source after writing. */
  compared: z.number(),
})

/** What an undone repair in place has put back and taken away, relative to the checkpoint. */
export const undoResult = z.object({ path: z.string(), restored: z.array(z.string()), removed: z.array(z.string()) })

export type PlanStep = z.infer<typeof planStep>
export type RepairPlan = z.infer<typeof repairPlan>
export type RepairResult = z.infer<typeof repairResult>
