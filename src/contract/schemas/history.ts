import { z } from 'zod'
import { jsonNumber, point } from './values'

const leap = z.object({ series: z.string(), step: z.number(), from: jsonNumber, to: jsonNumber })

export const history = z.object({
  loss: z.array(point),
  evalLoss: z.array(point),
  learningRate: z.array(point),
  /** Other logged series by name: grad_norm, eval metrics, accuracy ... */
  metrics: z.record(z.string(), z.array(point)),
  /** What `step` counts in `loss`: optimizer steps, or epochs where only those were kept. */
  lossUnit: z.enum(['step', 'epoch']),
  schedule: z
    .object({
      kind: z.string(),
      /** Drawn from the scheduler's own state, from the training arguments, or fitted to the logged rates: only a guess. */
      basis: z.enum(['state', 'arguments', 'fitted']),
      points: z.array(point),
      projected: z.array(point),
      /** How many logged rates could be held against it, how many are not what it gives, and the first of those. */
      logged: z.object({
        compared: z.number(),
        differing: z.number(),
        first: z.object({ step: z.number(), logged: jsonNumber, redrawn: jsonNumber }).nullable(),
      }),
    })
    .nullable(),
  /** Why there is a scheduler and no schedule. */
  scheduleNote: z.string().optional(),
  /** Where a series leaves its course and stays away, or turns into no number. */
  jumps: z.array(leap),
  /** Where it leaves its course and comes back. */
  spikes: z.array(leap),
  /** Steps after which training was taken up again, as far as the logs show it. */
  resumes: z.array(z.number()),
  /** What earlier attempts logged beyond the step that a later one was resumed from. */
  abandoned: z.array(z.object({ series: z.string(), source: z.string(), points: z.array(point) })),
})

export type History = z.infer<typeof history>
