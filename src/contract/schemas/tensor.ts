import { z } from 'zod'
import { jsonNumber, shape } from './values'

export const tensorFlag = z.enum([
  'flattened',
  'rank-shard',
  'placeholder',
  'empty',
  'no-values',
  'truncated',
  'tied',
  'view',
  'wrapper-prefix',
  'non-finite',
  'frozen',
  'sparse',
  'quantized',
])

export const tensorRow = z.object({
  /** Position in the checkpoint's list: what other calls name it by. */
  index: z.number().int(),
  name: z.string(),
  dtype: z.string(),
  shape,
  bytes: z.number(),
  file: z.string(),
  component: z.string(),
  flags: z.array(tensorFlag),
  /** Of the optimizer's tensors: the parameter and what of it this is, as `lm_head.weight · exp_avg`. */
  label: z.string().optional(),
})

/**
 * How often which binary exponents occur: `positive[i]` counts the values from 2 ** (first + i) up to twice that, `negative[i]`
 * their negatives. Zeros, denormals, NaN and infinities are not among them.
 */
export const exponents = z.object({
  first: z.number().int(),
  positive: z.array(z.number()),
  negative: z.array(z.number()),
})

export const statistics = z.object({
  count: z.number(),
  min: jsonNumber.nullable(),
  max: jsonNumber.nullable(),
  mean: jsonNumber.nullable(),
  std: jsonNumber.nullable(),
  l2: jsonNumber.nullable(),
  zeros: z.number(),
  nan: z.number(),
  inf: z.number(),
  /** Values other than zero below the smallest normal one of the dtype. */
  denormals: z.number().optional(),
  /** Where they were asked for; null where no value has one. */
  exponents: exponents.nullable().optional(),
})

/** What the values of a tensor look like. */
export const tensorLook = z.object({
  statistics,
  histogram: z.object({ min: z.number(), max: z.number(), counts: z.array(z.number()) }).nullable(),
  /**
   * The last dimension across, all others down: mean of the values under each cell, and the one farthest from zero among them
   * (null: NaN or an infinity is there).
   */
  picture: z
    .object({
      width: z.number(),
      height: z.number(),
      values: z.array(z.number().nullable()),
      extremes: z.array(z.number().nullable()).optional(),
    })
    .nullable(),
})

/** Everything the detail panel shows of one tensor. */
export const tensorDetail = tensorLook.extend({
  row: tensorRow,
  /** The first values in row-major order, as far as `head` reaches. */
  head: z.array(jsonNumber),
  storage: z.object({ key: z.string(), byteLength: z.number() }).optional(),
  strides: z.array(z.number()).optional(),
  offset: z.number().optional(),
  /** Names of other tensors over the same storage. */
  sharedWith: z.array(z.string()),
})

export type TensorRow = z.infer<typeof tensorRow>
export type TensorFlag = z.infer<typeof tensorFlag>
export type TensorDetail = z.infer<typeof tensorDetail>
export type TensorLook = z.infer<typeof tensorLook>
export type Statistics = z.infer<typeof statistics>
export type Exponents = z.infer<typeof exponents>
