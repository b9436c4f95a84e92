import { z } from 'zod'
import { point } from './values'
import { finding, verification } from './verification'

/** A checkpoint of a run by its name alone. */
export const listed = z.object({
  path: z.string(),
  name: z.string(),
  step: z.number().optional(),
  /** The folder of its run, relative to the path that was opened; where the checkpoints lie deeper than usual. */
  run: z.string().optional(),
})

/** A checkpoint of a run, as its timeline shows it. */
export const runRow = listed.extend({
  /** When the newest of its files was written, in milliseconds since 1970. */
  modified: z.number(),
  bytes: z.number(),
  /** The last loss it remembers. */
  loss: point.nullable(),
  /** Components that are missing or damaged. */
  missing: z.array(z.string()),
  verification,
})

/** What the checkpoints of a run tell together. */
export const runFacts = z.object({
  /** The last that training can resume from exactly. */
  lastGood: z.string().nullable(),
  /** That, or where there is none the last that loads at all. */
  lastUsable: z.string().nullable(),
  /** Steps from one save to the next; null where there are too few to tell. */
  interval: z.number().nullable(),
  /** Stretches without the checkpoints that should lie there. */
  gaps: z.array(z.object({ from: z.number(), to: z.number(), missing: z.number(), run: z.string().optional() })),
  /** Checkpoints left over from an earlier attempt: from step `from` on the later one, `by`, tells another story. */
  overlaps: z.array(z.object({ path: z.string(), name: z.string(), from: z.number(), to: z.number(), by: z.string() })),
  /** Saves that were begun and not ended. */
  halfWritten: z.array(z.object({ path: z.string(), name: z.string(), why: z.string() })),
  /** Of all its checkpoints together. */
  bytes: z.number(),
  /** What keeping `limit` checkpoints would remove; `set`: the training arguments say so, otherwise it is an example. */
  rotation: z
    .object({ limit: z.number(), set: z.boolean(), removes: z.array(z.string()), frees: z.number() })
    .nullable(),
  /** What a Trainer with `resume_from_checkpoint=True` would go on from. */
  trainerPick: z.object({ path: z.string(), name: z.string(), wise: z.boolean(), why: z.string() }).nullable(),
  /** What is wrong with the run and with none of its checkpoints: a pointer that names nothing. */
  findings: z.array(finding),
  /** Each of the runs, where there are several below the path. `interval`, `rotation` and `trainerPick` are null then. */
  runs: z
    .array(
      z.object({
        name: z.string(),
        path: z.string(),
        lastGood: z.string().nullable(),
        lastUsable: z.string().nullable(),
      }),
    )
    .optional(),
})

export type RunRow = z.infer<typeof runRow>
export type RunFacts = z.infer<typeof runFacts>
