import { AssayError } from './errors'

export type Severity = 'error' | 'warning' | 'info'

/**
 * Every rule there is: how bad a finding of it is unless the finder says otherwise, and what it means for the user.
 * Command, window and documentation all read this table.
 */
export const RULES = {
  'file/truncated': { severity: 'error', title: 'The file ends before its contents do' },
  'file/empty': { severity: 'error', title: 'The file has no bytes' },
  'file/zeroed': { severity: 'error', title: 'The file is nothing but zero bytes' },
  'file/not-downloaded': { severity: 'error', title: 'A Git LFS pointer stands where the file belongs' },
  'file/not-a-checkpoint': { severity: 'error', title: 'The file is a page or a text, not a checkpoint' },
  'file/bad-header': { severity: 'error', title: 'The header cannot be understood' },
  'file/overlap': { severity: 'error', title: 'Two tensors claim the same bytes' },
  'file/checksum': { severity: 'error', title: 'Bytes differ from the checksum stored with them' },
  'file/unreadable': { severity: 'error', title: 'The system refuses to read the file' },
  'file/changed': { severity: 'error', title: 'The file changed while it was read' },
  'file/path-escape': { severity: 'error', title: 'A name points outside the checkpoint' },
  'file/unknown-format': { severity: 'warning', title: 'The format is not known to Assay' },
  'file/resource-bomb': { severity: 'error', title: 'The file would grow beyond all measure when read' },
  'file/odd-name': { severity: 'error', title: 'Names hold control characters or collide with the reader' },

  'weights/missing': { severity: 'error', title: 'There are no weights' },
  'weights/missing-shard': { severity: 'error', title: 'A shard of the weights is not there' },
  'weights/stale-index': { severity: 'error', title: 'The index does not describe the shards beside it' },
  'weights/missing-tensor': { severity: 'error', title: 'A tensor that belongs here is absent' },
  'weights/unexpected-tensor': { severity: 'warning', title: 'A tensor is here that nothing expects' },
  'weights/flattened': { severity: 'error', title: 'A tensor was saved one-dimensional; its shape can be restored' },
  'weights/rank-shard': { severity: 'error', title: "A tensor holds one rank's part of the values" },
  'weights/placeholder': { severity: 'error', title: 'A tensor was saved without its values' },
  'weights/replicated': { severity: 'error', title: 'A tensor holds several equal copies of its values' },
  'weights/shape-mismatch': { severity: 'error', title: 'A tensor has another shape than it should' },
  'weights/layer-gap': { severity: 'error', title: 'A layer is missing from the sequence' },
  'weights/wrapper-prefix': { severity: 'warning', title: 'Names carry the prefix of a wrapper' },
  'weights/non-finite': { severity: 'error', title: 'Values are NaN or infinite' },
  'weights/all-zero': { severity: 'warning', title: 'A tensor holds nothing but zeros' },
  'weights/constant': { severity: 'info', title: 'A tensor holds one value throughout' },
  'weights/zero-run': { severity: 'error', title: 'A long run of zeros lies inside a tensor' },
  'weights/dtype-drift': { severity: 'info', title: 'Weights have another dtype than the config says' },
  'weights/storage-bloat': { severity: 'warning', title: 'The file stores far more than its tensors use' },
  'weights/duplicate-copies': { severity: 'info', title: 'The same weights are stored several times' },
  'weights/tied-differs': { severity: 'warning', title: 'Weights that should be tied have different values' },

  'adapter/missing-config': { severity: 'error', title: 'adapter_config.json is missing' },
  'adapter/missing-weights': { severity: 'error', title: 'The adapter weights are missing' },
  'adapter/empty': { severity: 'error', title: 'The adapter file holds no tensors' },

  'config/missing': { severity: 'warning', title: 'config.json is missing' },
  'tokenizer/missing': { severity: 'info', title: 'No tokenizer files' },

  'optimizer/missing': { severity: 'warning', title: 'No optimizer state' },
  'optimizer/empty-state': { severity: 'error', title: 'The optimizer state is empty although training has stepped' },
  'optimizer/parameter-mismatch': {
    severity: 'error',
    title: 'The optimizer counts other parameters than the weights',
  },
  'optimizer/shape-mismatch': { severity: 'error', title: "Moments do not have their parameter's shape" },
  'optimizer/step-mismatch': { severity: 'warning', title: 'The optimizer counts other steps than the trainer' },
  'optimizer/non-finite': { severity: 'error', title: 'Moments are NaN or infinite' },
  'optimizer/negative-second-moment': { severity: 'error', title: 'A second moment is negative' },
  'optimizer/missing-rank': { severity: 'error', title: "A rank's part of the optimizer is missing" },

  'scheduler/missing': { severity: 'warning', title: 'No scheduler state' },
  'scheduler/step-mismatch': { severity: 'warning', title: 'The scheduler counts other steps than the optimizer' },
  'rng/missing': { severity: 'warning', title: 'Random states are missing' },
  'rng/world-size': { severity: 'warning', title: 'Random states do not match the number of processes' },
  'rng/malformed': { severity: 'warning', title: 'A random state would not load' },
  'scaler/missing': { severity: 'warning', title: 'No grad-scaler state' },
  'sampler/missing': { severity: 'warning', title: 'No sampler state' },

  'trainer/missing': { severity: 'warning', title: 'No trainer state' },
  'trainer/step-mismatch': { severity: 'warning', title: 'Step counts disagree' },
  'trainer/stale-pointer': { severity: 'warning', title: 'A pointer names a checkpoint that is not there' },
  'trainer/incomplete-save': { severity: 'error', title: 'The save was interrupted' },
  'trainer/history-gap': { severity: 'info', title: 'The history has a gap' },
  'trainer/loss-non-finite': { severity: 'warning', title: 'The loss became NaN or infinite' },
  'trainer/loss-jump': { severity: 'warning', title: 'The loss jumps' },
  'trainer/lr-jump': { severity: 'warning', title: 'The learning rate jumps' },

  'pickle/dangerous': { severity: 'error', title: 'Loading this file would run code' },
  'pickle/malformed': { severity: 'error', title: 'The pickle cannot be decoded' },
  'pickle/not-weights-only': { severity: 'info', title: 'torch.load(weights_only=True) would refuse this file' },
} as const satisfies Record<string, { severity: Severity; title: string }>

export type RuleId = keyof typeof RULES

export interface Finding {
  readonly rule: RuleId
  readonly severity: Severity
  /** What it is about: a tensor's name, or a file relative to the checkpoint. */
  readonly subject: string
  /** One plain sentence: culprit, expected, got. */
  readonly message: string
  /** Facts a person or a repair can check: numbers, names, offsets. JSON values only. */
  readonly evidence?: Readonly<Record<string, unknown>>
  /** The step of `assay repair` that would mend it, as a short imperative. */
  readonly repair?: string
}

/** A finding with its rule's severity, unless `more.severity` says otherwise. */
export function finding(
  rule: RuleId,
  subject: string,
  message: string,
  more: { severity?: Severity; evidence?: Record<string, unknown>; repair?: string } = {},
): Finding {
  return { rule, severity: RULES[rule].severity, subject, message, ...more }
}

/** The finding an error stands for when it was met on `file`. Errors that are no AssayError are bugs and are thrown on. */
export function findingOf(error: unknown, file: string): Finding {
  if (!(error instanceof AssayError) || !(error.code in RULES)) throw error
  const evidence = error.offset === undefined ? undefined : { offset: error.offset }
  return finding(error.code as RuleId, file, error.message, {
    ...(evidence && { evidence }),
    ...(error.hint && { repair: error.hint }),
  })
}
