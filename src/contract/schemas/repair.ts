import { z } from 'zod'
import { tensorLook } from './tensor'
import { shape } from './values'
import { verdict } from './verification'

/** Shapes the user typed. A list: a record would lose the tensor called `__proto__`. */
export const shapeChoices = z.array(z.object({ name: z.string(), shape }))

/** What a tensor is called and how it is kept. */
const kept = z.object({ name: z.string(), dtype: z.string(), shape, bytes: z.number() })

/** A tensor that a step changes or adds. */
export const tensorChange = z.object({
  /** The file that it is in, or goes into. */
  file: z.string(),
  /** Absent where the tensor was. */
  before: kept.optional(),
  after: kept,
  /** The tensor that its values come from, where they are not its own. */
  from: z.object({ file: z.string(), name: z.string() }).optional(),
})

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
  /** The findings that it is about. */
  about: z.array(z.object({ rule: z.string(), subject: z.string() })).optional(),
  /** The first hundred of the tensors that it changes or adds, and how many there are. */
  tensors: z.array(tensorChange).optional(),
  tensorCount: z.number().int().optional(),
})

/** What the user has decided about a step: one of its `choices`, or `none` to refuse it. `subject` must be that of the step. */
export const decision = z.object({
  step: z.number().int().positive(),
  subject: z.string().optional(),
  choice: z.string().optional(),
})

/** A plan as `repair --dry-run --json` prints it and the window saves it, edited: `chosen` and `shape` answer a step, `refused`, the confidence `refused` or its absence refuses it, `worldSize` may be put in. */
export const editedPlan = z.object({
  plan: z.array(
    z.object({
      step: z.number().int().positive(),
      subject: z.string(),
      kind: z.string().optional(),
      confidence: z.string().optional(),
      after: z.string().optional(),
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

/** The values of one tensor of a step as they are, where there are any, and as they would be. */
export const tensorPreview = z.object({ before: tensorLook.nullable(), after: tensorLook.nullable() })

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

export type TensorChange = z.infer<typeof tensorChange>
export type PlanStep = z.infer<typeof planStep>
export type RepairPlan = z.infer<typeof repairPlan>
export type EditedPlan = z.infer<typeof editedPlan>
export type RepairResult = z.infer<typeof repairResult>
