import { z } from 'zod'
import { jsonNumber, shape } from './values'

/** `unread`: nothing but the values could tell the two apart, and those of a side cannot be read. */
export const diffStatus = z.enum(['same', 'changed', 'unread', 'onlyA', 'onlyB', 'shape', 'dtype'])

export const diffRow = z.object({
  name: z.string(),
  status: diffStatus,
  shapeA: shape.optional(),
  shapeB: shape.optional(),
  dtypeA: z.string().optional(),
  dtypeB: z.string().optional(),
  count: z.number().optional(),
  changed: z.number().nullable(),
  maxAbs: jsonNumber.nullable(),
  meanAbs: jsonNumber.nullable(),
  rms: jsonNumber.nullable(),
  relL2: jsonNumber.nullable(),
  cosine: jsonNumber.nullable(),
  /** Why the values could not be compared, where they should have been. */
  note: z.string().optional(),
  /** What B calls it, where that is another name, and how the two were found to be one. */
  nameB: z.string().optional(),
  match: z.enum(['rename', 'prefix', 'content', 'similar', 'order']).optional(),
  /**
   * Of another shape, and measured because the values are alike all the same: A's in one order with B's (flattened), or by columns.
   * Without it, tensors of another shape are not measured.
   */
  reading: z.enum(['flat', 'transposed']).optional(),
  /** How the values differ: not at all, at most one in ten, or more. Absent where they were not compared. */
  anatomy: z.enum(['unchanged', 'sparse', 'dense']).optional(),
  /** Values that are NaN in B only, and in A only. */
  becameNan: z.number().optional(),
  wasNan: z.number().optional(),
  /** Values that differ by more than the tolerance; told where one was given, and then the status goes by it. */
  beyond: z.number().optional(),
  /** The greatest distance in representable values between the two; told where it was asked for, of one floating dtype. */
  maxUlp: z.number().optional(),
})

/** All tensors below one module, itself included; its name is empty for the whole model. */
export const moduleRow = z.object({
  name: z.string(),
  tensors: z.number(),
  /** Those of them that differ in whatever way, or cannot be read. */
  differing: z.number(),
  /** Values that were compared, and those that differ. */
  count: z.number(),
  changed: z.number(),
  maxAbs: jsonNumber,
  rms: jsonNumber,
})

/** What the differences mean together, one sentence. */
export const conclusion = z.object({
  kind: z.enum(['damaged', 'unread', 'nothing-trained', 'frozen', 'broke', 'moved', 'reshaped', 'tied', 'cast']),
  text: z.string(),
  /** Names in A of what it speaks of. */
  tensors: z.array(z.string()),
})

export const stateDifference = z.object({ what: z.string(), a: z.unknown(), b: z.unknown(), same: z.boolean() })

/** Their types alone are checked, when they are made: a look at each of 100,000 copies it. */
export const diffRows = z.custom<z.infer<typeof diffRow>[]>(Array.isArray)

export const diffReport = z.object({
  a: z.string(),
  b: z.string(),
  identical: z.boolean(),
  summary: z.object({
    same: z.number(),
    changed: z.number(),
    unread: z.number(),
    onlyA: z.number(),
    onlyB: z.number(),
    shape: z.number(),
    dtype: z.number(),
    /** Of all these, those found under another name. */
    moved: z.number().optional(),
  }),
  tensors: diffRows,
  state: z.array(stateDifference),
  conclusions: z.array(conclusion).optional(),
  /** From the whole model down, as far as there are modules in modules. */
  modules: z.array(moduleRow).optional(),
})

export type DiffRow = z.infer<typeof diffRow>
export type DiffReport = z.infer<typeof diffReport>
