import { z } from 'zod'
import { shape } from './values'

export const exportOptions = z.object({
  /** Told by the name of the target where it is left out: `.bin`, `.pt`, `.pth` and `.ckpt` are PyTorch's. */
  format: z.enum(['safetensors', 'torch']).optional(),
  /** Floating tensors are rounded to this; all others stay as they are. */
  dtype: z.enum(['float32', 'float16', 'bfloat16']).optional(),
  /** Bytes. */
  maxShardSize: z.number().positive().optional(),
  /** Globs over the names as they are in the checkpoint: only these tensors, none of those. */
  keep: z.array(z.string()).optional(),
  drop: z.array(z.string()).optional(),
  /** Names change in this order: the prefix goes, patterns are replaced (regular expressions, `$1`), the other prefix comes. */
  stripPrefix: z.string().optional(),
  rename: z.array(z.object({ pattern: z.string(), to: z.string() })).optional(),
  addPrefix: z.string().optional(),
  /** Give every tensor of a PyTorch file values of its own. */
  untie: z.boolean().optional(),
  /** The head and the embedding that config.json ties become one tensor. */
  tie: z.boolean().optional(),
  /** The optimizer's own values of the weights, in a wider dtype, in place of those rounded for training in 16 bits. */
  masters: z.boolean().optional(),
  /** Only the LoRA adapter of a model that was saved with it; its scaling, where no adapter_config.json tells it. */
  onlyAdapter: z.boolean().optional(),
  loraAlpha: z.number().positive().optional(),
  /** Path of the base model that the adapter is merged into; the merged model is what is exported. */
  base: z.string().optional(),
  /** Write what can be written although something must be left out; without it such an export fails with `target/incomplete`. */
  partial: z.boolean().optional(),
})

/** Which ways to export a checkpoint mean something for it. */
export const exportOffers = z.object({
  /** config.json ties a head and an embedding that are two tensors. */
  tie: z.boolean(),
  /** Tensors share their values. */
  untie: z.boolean(),
  /** A LoRA adapter lies among the weights; `alpha`: its scaling has to be said, because no config tells it. */
  onlyAdapter: z.object({ alpha: z.boolean() }).optional(),
  /** It is an adapter, which a base can take. */
  merge: z.boolean(),
})

const exportFacts = z.object({
  files: z.array(z.object({ path: z.string(), bytes: z.number() })),
  /** Tensors left out, and why (no values, not expressible, damaged, in a shard that is not there). */
  left: z.array(z.object({ name: z.string(), why: z.string() })),
  /** Names of tensors that were not asked for. */
  dropped: z.array(z.string()),
  /** Tensors written although they want a repair (flattened, one rank's part), and values that rounding does not keep. */
  warnings: z.array(z.object({ name: z.string(), why: z.string() })),
  /** The optimizer keeps so many of the weights in a wider dtype. `written`: those are what is written. */
  masters: z.object({ count: z.number(), file: z.string(), dtype: z.string(), written: z.boolean() }).optional(),
})

export const exportResult = exportFacts.extend({ out: z.string(), tensors: z.number(), bytes: z.number() })

/** What an export would write; nothing has been written. */
export const exportPlan = exportFacts.extend({
  format: z.enum(['safetensors', 'torch']),
  tensors: z.array(
    z.object({
      name: z.string(),
      /** Its name and dtype in the checkpoint, where they change. */
      was: z.string().optional(),
      wasDtype: z.string().optional(),
      dtype: z.string(),
      shape,
      /** The file it goes into. */
      file: z.string(),
      /** An adapter is merged into it. */
      merged: z.literal(true).optional(),
    }),
  ),
})

export type ExportOffers = z.infer<typeof exportOffers>
export type ExportOptions = z.infer<typeof exportOptions>
export type ExportResult = z.infer<typeof exportResult>
export type ExportPlan = z.infer<typeof exportPlan>
