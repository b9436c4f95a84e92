import { z } from 'zod'

/** A number that JSON cannot hold is the text `NaN`, `Infinity` or `-Infinity`. */
export const jsonNumber = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])

export const shape = z.array(z.number().int().nonnegative())

export const point = z.object({ step: z.number(), value: jsonNumber })

export const progress = z.object({ done: z.number(), total: z.number(), label: z.string() })

export type Progress = z.infer<typeof progress>
