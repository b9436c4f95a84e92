import { z } from 'zod'
import { jsonNumber } from './values'

export const parameterGroup = z.object({
  count: z.number(),
  lr: jsonNumber.optional(),
  initialLr: jsonNumber.optional(),
  weightDecay: jsonNumber.optional(),
  hyper: z.record(z.string(), z.unknown()),
})

export const trainingState = z.object({
  step: z.number().optional(),
  epoch: z.number().optional(),
  worldSize: z.number().optional(),
  counters: z.array(z.object({ source: z.string(), file: z.string(), value: z.number() })),
  optimizers: z.array(
    z.object({
      file: z.string(),
      step: z.number().optional(),
      groups: z.array(parameterGroup),
      parameters: z.number(),
      bytes: z.number(),
      /** Names of the tensors kept for each parameter: exp_avg, exp_avg_sq ... */
      moments: z.array(z.string()),
      /** `AdamW`, `Adam of bitsandbytes, 8-bit`: what the settings and the state give away. */
      kind: z.string().optional(),
      /** How the numbers of parameters were given names, and whether that is sure or a guess. */
      naming: z.object({ how: z.enum(['stored', 'order', 'shapes', 'unknown']), sure: z.boolean() }),
      /** The parameters of all groups (the first 20,000), in the optimizer's order; without tensors: frozen or never used. */
      states: z.array(
        z.object({
          key: z.union([z.number(), z.string()]),
          name: z.string().optional(),
          /** Position of its group. */
          group: z.number().int(),
          /** What is kept of it, by the index of the tensor. */
          tensors: z.array(z.object({ slot: z.string(), index: z.number().int() })),
          scalars: z.record(z.string(), jsonNumber),
        }),
      ),
    }),
  ),
  schedulers: z.array(
    z.object({
      file: z.string(),
      lastEpoch: z.number().optional(),
      lastLr: z.array(jsonNumber),
      baseLrs: z.array(jsonNumber),
      value: z.unknown(),
    }),
  ),
  rng: z.array(
    z.object({
      file: z.string(),
      rank: z.number().optional(),
      generators: z.array(z.string()),
      malformed: z.string().optional(),
    }),
  ),
  records: z.array(z.object({ file: z.string(), component: z.string(), value: z.unknown() })),
})

export type TrainingState = z.infer<typeof trainingState>
