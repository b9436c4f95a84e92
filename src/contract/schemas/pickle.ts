import { z } from 'zod'

export const scanVerdict = z.enum(['safe', 'unknown', 'dangerous'])

export const scanReport = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      verdict: scanVerdict,
      globals: z.array(z.object({ module: z.string(), name: z.string(), verdict: scanVerdict })),
      /** Why the file could not be decoded to its end, if so; what was met before that is still listed. */
      error: z.string().optional(),
    }),
  ),
})

/** One node of the object tree of a pickle. */
export const rawNode = z.object({
  /** Key, index, or `args`, `kwargs`, `state`. */
  key: z.string(),
  kind: z.enum([
    'none',
    'bool',
    'int',
    'float',
    'str',
    'bytes',
    'list',
    'tuple',
    'dict',
    'set',
    'global',
    'object',
    'storage',
    'tensor',
  ]),
  text: z.string(),
  /** Class or function that unpickling would import for it. */
  global: z.string().optional(),
  /** Whether `torch.load(weights_only=True)` refuses that import. */
  refused: z.boolean().optional(),
  children: z.number(),
})

export const pickledFile = z.object({
  /** Its path; of a record in an archive, that and the record's name. */
  file: z.string(),
  /** Why there is no object tree; what is imported is listed as far as it was read. */
  error: z.string().optional(),
  globals: z.array(z.object({ module: z.string(), name: z.string(), verdict: scanVerdict, allowed: z.boolean() })),
  /** The first opcode that the default loader of torch does not know: it stops there, whatever is imported. */
  refusedOpcode: z.string().optional(),
  /** What the default loader of torch refuses, and the keys (and child positions) that lead to where it is asked for first. */
  refusals: z.array(
    z.object({ module: z.string(), name: z.string(), where: z.array(z.string()), path: z.array(z.number().int()) }),
  ),
  /** Python that would admit the refusals; null where there are none, or where one of them is dangerous. */
  admit: z.string().nullable(),
})

/** A text inside an archive: code, settings. */
export const storedText = z.object({
  file: z.string(),
  /** Name of the record. */
  path: z.string(),
  /** Bytes. */
  size: z.number(),
})

export type ScanReport = z.infer<typeof scanReport>
export type RawNode = z.infer<typeof rawNode>
export type PickledFile = z.infer<typeof pickledFile>
export type StoredText = z.infer<typeof storedText>
