import { z } from 'zod'

/**
 * The shapes that cross a process boundary or leave through `--json`. Scripts rely on them: extend, never break.
 * A number that JSON cannot hold is the text `NaN`, `Infinity` or `-Infinity`; null means that there is no value.
 */
export const jsonNumber = z.union([z.number(), z.enum(['NaN', 'Infinity', '-Infinity'])])
export const shape = z.array(z.number().int().nonnegative())
export const point = z.object({ step: z.number(), value: jsonNumber })

export const componentStatus = z.enum(['present', 'missing', 'damaged', 'not-applicable'])
export const component = z.object({
  id: z.string(),
  label: z.string(),
  status: componentStatus,
  files: z.array(z.string()),
  note: z.string().optional(),
})

export const severity = z.enum(['error', 'warning', 'info'])
export const finding = z.object({
  rule: z.string(),
  severity,
  subject: z.string(),
  message: z.string(),
  evidence: z.record(z.string(), z.unknown()).optional(),
  repair: z.string().optional(),
})

/** What a person should know of a rule; `severity` is that of its findings unless they say otherwise. */
export const ruleText = z.object({
  id: z.string(),
  severity,
  title: z.string(),
  means: z.string(),
  mends: z.string(),
})
/** Severities that the user gave to rules, by id. A rule that is `off` finds nothing, and what it looks for is not asked for. */
export const ruleChoices = z.record(z.string(), z.enum(['off', 'error', 'warning', 'info']))

export const verdict = z.enum(['complete', 'partial', 'broken'])
export const verification = z.object({
  path: z.string(),
  layout: z.string(),
  layoutLabel: z.string(),
  verdict,
  resume: z.object({ level: z.enum(['exact', 'stable', 'weights-only', 'none']), why: z.array(z.string()) }),
  components: z.array(component),
  findings: z.array(finding),
  tensors: z.object({ count: z.number(), bytes: z.number(), parameters: z.number() }),
  step: z.number().optional(),
  epoch: z.number().optional(),
  /** Whether values were read, or names and shapes only. */
  deep: z.boolean(),
})

/** A checkpoint of a run, as its timeline shows it. */
export const runRow = z.object({
  path: z.string(),
  name: z.string(),
  step: z.number().optional(),
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
  gaps: z.array(z.object({ from: z.number(), to: z.number(), missing: z.number() })),
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
})

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
})

/** Everything the detail panel shows of one tensor. */
export const tensorDetail = z.object({
  row: tensorRow,
  statistics,
  histogram: z.object({ min: z.number(), max: z.number(), counts: z.array(z.number()) }).nullable(),
  /** The first values in row-major order, as far as `head` reaches. */
  head: z.array(jsonNumber),
  /** Mean of the values under each cell of a picture of the last two dimensions (null: NaN or no value). */
  picture: z.object({ width: z.number(), height: z.number(), values: z.array(z.number().nullable()) }).nullable(),
  storage: z.object({ key: z.string(), byteLength: z.number() }).optional(),
  strides: z.array(z.number()).optional(),
  offset: z.number().optional(),
  /** Names of other tensors over the same storage. */
  sharedWith: z.array(z.string()),
})

/** b - a of two tensors, in float64. */
export const tensorDifference = z.object({
  statistics,
  histogram: tensorDetail.shape.histogram,
  picture: tensorDetail.shape.picture,
})

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

export const diffStatus = z.enum(['same', 'changed', 'onlyA', 'onlyB', 'shape', 'dtype'])
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
  match: z.enum(['rename', 'prefix', 'content', 'order']).optional(),
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
  /** Those of them that differ in whatever way. */
  differing: z.number(),
  /** Values that were compared, and those that differ. */
  count: z.number(),
  changed: z.number(),
  maxAbs: jsonNumber,
  rms: jsonNumber,
})
/** What the differences mean together, one sentence. */
export const conclusion = z.object({
  kind: z.enum(['nothing-trained', 'frozen', 'broke', 'moved', 'cast']),
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
  /** Where it asks for a shape: those that some evidence speaks for. */
  candidates: z.array(shape).optional(),
  /** The ways there are to do it, where there are several; a step that asks is done once one is chosen. */
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
/** A plan as `repair --dry-run --json` prints it, edited: `chosen` and `shape` answer a step, `refused` or its absence refuses it. */
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
})
export const repairPlan = z.object({
  plan: z.array(planStep),
  /** Findings nothing here can mend, with the reason; `note`: it only tells of training state that was not saved. */
  unmended: z.array(z.object({ rule: z.string(), subject: z.string(), why: z.string(), note: z.boolean().optional() })),
  verdictBefore: verdict,
  /** Files that would be written, relative to the target, with their size in bytes. */
  files: z.array(z.object({ path: z.string(), bytes: z.number(), action: z.enum(['write', 'copy']) })),
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
  /** Path of the base model that the adapter is merged into; the merged model is what is exported. */
  base: z.string().optional(),
  /** Write what can be written although something must be left out; without it such an export fails with `target/incomplete`. */
  partial: z.boolean().optional(),
})
const exportFacts = z.object({
  files: z.array(z.object({ path: z.string(), bytes: z.number() })),
  /** Tensors left out, and why (no values, not expressible, damaged, in a shard that is not there). */
  left: z.array(z.object({ name: z.string(), why: z.string() })),
  /** Names of tensors that were not asked for. */
  dropped: z.array(z.string()),
  /** Tensors written although they want a repair (flattened, one rank's part), and values that rounding does not keep. */
  warnings: z.array(z.object({ name: z.string(), why: z.string() })),
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

export const progress = z.object({ done: z.number(), total: z.number(), label: z.string() })

export type RuleText = z.infer<typeof ruleText>
export type RuleChoices = z.infer<typeof ruleChoices>
export type Verification = z.infer<typeof verification>
export type Verdict = z.infer<typeof verdict>
export type Component = z.infer<typeof component>
export type Finding = z.infer<typeof finding>
export type RunRow = z.infer<typeof runRow>
export type RunFacts = z.infer<typeof runFacts>
export type TensorRow = z.infer<typeof tensorRow>
export type TensorFlag = z.infer<typeof tensorFlag>
export type TensorDetail = z.infer<typeof tensorDetail>
export type TensorDifference = z.infer<typeof tensorDifference>
export type Statistics = z.infer<typeof statistics>
export type TrainingState = z.infer<typeof trainingState>
export type History = z.infer<typeof history>
export type DiffRow = z.infer<typeof diffRow>
export type DiffReport = z.infer<typeof diffReport>
export type PlanStep = z.infer<typeof planStep>
export type RepairPlan = z.infer<typeof repairPlan>
export type RepairResult = z.infer<typeof repairResult>
export type ExportOptions = z.infer<typeof exportOptions>
export type ExportResult = z.infer<typeof exportResult>
export type ExportPlan = z.infer<typeof exportPlan>
export type ScanReport = z.infer<typeof scanReport>
export type RawNode = z.infer<typeof rawNode>
export type PickledFile = z.infer<typeof pickledFile>
export type StoredText = z.infer<typeof storedText>
export type Progress = z.infer<typeof progress>
