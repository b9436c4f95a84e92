import { eventIterator, oc } from '@orpc/contract'
import { z } from 'zod'
import * as s from './schemas'

/**
 * Every procedure a face may call, once. Client, server and validation derive from it. Long ones are streams of events that
 * end with one `result`; dropping the stream (or aborting the call) cancels the work.
 * Errors cross as ORPCError with `code` = AssayError.code and `data` = {file, offset, hint}.
 */
const failure = z.object({ file: z.string().optional(), offset: z.number().optional(), hint: z.string().optional() })
const base = oc.errors({ ASSAY: { data: failure.extend({ code: z.string() }) } })

const handle = z.object({ id: z.string() })

/** Path of a sound checkpoint of the same model. */
const reference = z.string().optional()

/** What the user can give a repair to go by. */
const help = {
  reference,
  shapes: s.shapeChoices.optional(),
  decisions: z.array(s.decision).optional(),
  /** Write every PyTorch file as `torch.load(weights_only=True, mmap=True)` takes it, whatever is lost by it. */
  plain: z.boolean().optional(),
  /** How many processes are to resume from it: a file of random states for each is made to be there. */
  worldSize: z.number().int().positive().optional(),
}

/** How a verification weighs what it finds. */
const weighing = { strict: z.boolean().optional(), rules: s.ruleChoices.optional() }
/** That, and what it goes by. */
const verifying = { ...weighing, reference }

/** Progress events, then one result. */
function job<Result extends z.ZodType>(result: Result) {
  return eventIterator(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('progress'), progress: s.progress }),
      z.object({ type: z.literal('result'), result }),
    ]),
  )
}

/** As a job, with the rows that have come since the last event. */
const diffing = eventIterator(
  z.discriminatedUnion('type', [
    z.object({ type: z.literal('progress'), progress: s.progress, rows: s.diffRows }),
    z.object({ type: z.literal('result'), result: s.diffReport }),
  ]),
)

const openedRun = s.runFacts.extend({
  kind: z.literal('run'),
  path: z.string(),
  name: z.string(),
  /** Oldest first. */
  checkpoints: z.array(s.runRow),
})

export const opened = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('checkpoint'),
    id: z.string(),
    path: z.string(),
    name: z.string(),
    layout: z.string(),
    layoutLabel: z.string(),
    /** The quick verification (names and shapes only): the window has its verdict at once. */
    verification: s.verification,
    files: z.array(z.object({ path: z.string(), size: z.number(), kind: z.string(), tensors: z.number() })),
    tensorCount: z.number(),
    /** The run it belongs to, when its siblings are checkpoints too; oldest first. */
    siblings: z.array(s.listed),
    /** It was repaired in place, and its originals lie beside it: `undoRepair` brings them back. */
    undoable: z.literal(true).optional(),
  }),
  openedRun,
])
export type Opened = z.infer<typeof opened>
export type OpenedCheckpoint = Extract<Opened, { kind: 'checkpoint' }>
export type OpenedRun = Extract<Opened, { kind: 'run' }>

export const contract = {
  /** Opens a checkpoint file, a checkpoint folder, or a folder of checkpoints. Headers only. */
  open: base.input(z.object({ path: z.string() }).extend(verifying)).output(opened),
  /**
   * The run that `open` would give, as it is read: its names at once, a row for each checkpoint, the newest first, then what they
   * tell together and the history that they and the logs beside them tell; of several runs that of the one written last.
   * ASSAY `not-a-run` where the path is a checkpoint.
   */
  run: base
    .input(z.object({ path: z.string() }).extend(weighing))
    .output(
      eventIterator(
        z.discriminatedUnion('type', [
          z.object({ type: z.literal('listed'), path: z.string(), name: z.string(), checkpoints: z.array(s.listed) }),
          z.object({ type: z.literal('row'), row: s.runRow }),
          z.object({ type: z.literal('result'), result: s.runFacts, history: s.history }),
        ]),
      ),
    ),
  /**
   * As `open`, without looking at what is found: for those who only read values, it takes no longer than the headers do. Of a
   * run only its names.
   */
  hold: base
    .input(z.object({ path: z.string() }))
    .output(
      z.discriminatedUnion('kind', [
        z.object({ kind: z.literal('checkpoint'), id: z.string(), path: z.string() }),
        z.object({ kind: z.literal('run'), path: z.string(), checkpoints: z.array(s.listed) }),
      ]),
    ),
  close: base.input(handle).output(z.object({})),
  /** Reads every value; the quick verification came with `open`. */
  verifyDeep: base.input(handle.extend(verifying)).output(job(s.verification)),
  /** The run at a path with every value of each checkpoint read. ASSAY `not-a-run` where the path is a checkpoint. */
  verifyRun: base.input(z.object({ path: z.string() }).extend(verifying)).output(job(openedRun)),
  /**
   * Each checkpoint that a training writes into a folder, verified once it is complete: nothing in it has changed for `quiet`
   * seconds and what is written last is there. `error`: it could not be read. Ends when the stream is dropped.
   */
  watch: base
    .input(
      z
        .object({ path: z.string(), quiet: z.number().positive().optional(), deep: z.boolean().optional() })
        .extend(verifying),
    )
    .output(
      eventIterator(
        z.object({ path: z.string(), verification: s.verification.optional(), error: z.string().optional() }),
      ),
    ),
  /** Rows from `offset` on, at most `limit` (a page keeps one message small on 100,000 tensors). */
  tensors: base
    .input(handle.extend({ offset: z.number().int().nonnegative(), limit: z.number().int().positive() }))
    .output(z.object({ total: z.number(), rows: z.array(s.tensorRow) })),
  tensor: base.input(handle.extend({ index: z.number().int() })).output(s.tensorDetail),
  /** Statistics of the named tensors, each as it is done. `error`: why the values could not be read; the numbers are empty then. */
  statistics: base
    .input(
      handle.extend({
        indices: z.array(z.number().int()),
        /** Count exponents as well: half as much work again, for values of up to 16 bits almost none. */
        exponents: z.boolean().optional(),
      }),
    )
    .output(eventIterator(z.object({ index: z.number(), statistics: s.statistics, error: z.string().optional() }))),
  /** SHA-256 of the named tensors' values as contiguous row-major little-endian bytes; `error`: why there is none. */
  digests: base
    .input(handle.extend({ indices: z.array(z.number().int()) }))
    .output(
      eventIterator(z.object({ index: z.number(), sha256: z.string().nullable(), error: z.string().optional() })),
    ),
  state: base.input(handle).output(s.trainingState),
  history: base.input(handle).output(s.history),
  /** Of each run that lies at a path, merged over its checkpoints and the logs beside them; of the checkpoint where one lies there. */
  histories: base
    .input(z.object({ path: z.string() }))
    .output(z.object({ runs: z.array(s.history.extend({ path: z.string(), name: z.string() })) })),
  /** Compares two open checkpoints, values included; rows come as they are measured, and in the result unless `rowsOnce`. */
  diff: base
    .input(
      z.object({
        a: z.string(),
        b: z.string(),
        /** A glob over tensor names (`*`, `?`). */
        filter: z.string().optional(),
        /** Names in A, or leading parts of them, and what they are called in B. */
        rename: z.record(z.string(), z.string()).optional(),
        /** Values are taken for equal where |b - a| <= atol + rtol |a|. */
        atol: z.number().nonnegative().optional(),
        rtol: z.number().nonnegative().optional(),
        /** Tell distances in representable values as well; costs a quarter more time. */
        ulp: z.boolean().optional(),
        /** Leave the rows out of the result: to hand over 100,000 of them again takes as long as to measure them. */
        rowsOnce: z.boolean().optional(),
        /** Leave the training state out: `identical` then speaks of the weights alone. */
        weightsOnly: z.boolean().optional(),
      }),
    )
    .output(diffing),
  /** Where one tensor that both of two open checkpoints have in one shape differs, value by value: b - a. */
  difference: base
    .input(
      z.object({
        a: z.string(),
        b: z.string(),
        /** As the row of the comparison has them. */
        name: z.string(),
        nameB: z.string().optional(),
      }),
    )
    .output(s.tensorLook),
  /** A plan in a file, edited: its answers, which have yet to fit (plan-file.ts). ASSAY `usage` where the file is none. */
  readPlan: base.input(z.object({ path: z.string() })).output(s.editedPlan),
  /** Reads values where they are evidence; writes nothing. */
  repairPlan: base.input(handle.extend(help)).output(job(s.repairPlan)),
  /** The values of one of a step's `tensors`, by its position, before and after. */
  repairPreview: base
    .input(handle.extend(help).extend({ step: z.number().int(), tensor: z.number().int().nonnegative() }))
    .output(job(s.tensorPreview)),
  repair: base
    .input(
      handle.extend(help).extend({
        /** Steps (by number) that the user refused. */
        refused: z.array(z.number().int()).optional(),
        /** Folder (or file, for a single-file checkpoint) to write. Must not exist, or be an empty folder. */
        out: z.string().optional(),
        /** Instead of `out`: new files take the place of the old ones, which stay beside as `<name>.backup`. */
        inPlace: z.boolean().optional(),
      }),
    )
    .output(job(s.repairResult)),
  /** Takes a repair in place back: originals return from their `.backup`. Close the checkpoint before, open it after. */
  undoRepair: base.input(z.object({ path: z.string() })).output(s.undoResult),
  exportOffers: base.input(handle).output(s.exportOffers),
  /** What `export` would write to `out`. Reads values where rounding them is to be judged; writes nothing. */
  exportPlan: base.input(handle.extend({ out: z.string(), options: s.exportOptions })).output(job(s.exportPlan)),
  export: base.input(handle.extend({ out: z.string(), options: s.exportOptions })).output(job(s.exportResult)),
  /** The pickled files of a checkpoint: what they import, and what torch's default loader would say. */
  pickles: base.input(handle).output(z.array(s.pickledFile)),
  /** A node of a pickle's object tree, by child positions from the root, and a page of its children. */
  raw: base
    .input(
      handle.extend({
        file: z.string(),
        path: z.array(z.number().int().nonnegative()),
        offset: z.number().int().nonnegative(),
        limit: z.number().int().positive(),
      }),
    )
    .output(z.object({ node: s.rawNode, children: z.array(s.rawNode) })),
  /** What people can read inside the archives of a checkpoint: code of TorchScript, settings. It is shown and never run. */
  texts: base.input(handle).output(z.array(s.storedText)),
  /** A page of such a text, `limit` characters from `offset` on; `total` of its characters. */
  text: base
    .input(
      handle.extend({
        file: z.string(),
        path: z.string(),
        offset: z.number().int().nonnegative(),
        limit: z.number().int().positive().max(1_000_000),
      }),
    )
    .output(z.object({ text: z.string(), total: z.number() })),
  /** Every rule there is. */
  rules: base.output(z.array(s.ruleText)),
  scan: base.input(z.object({ paths: z.array(z.string()) })).output(s.scanReport),
}
export type Contract = typeof contract
