import type { Kernel } from '../analysis/kernel'
import type { Checkpoint } from '../checkpoint/checkpoint'
import type { Finding, RuleId } from '../finding'

export interface RuleContext {
  readonly checkpoint: Checkpoint
  readonly kernel: Kernel
  readonly signal?: AbortSignal
  /** Bytes of values read so far and to be read, for rules that need values. */
  readonly onProgress?: (done: number, total: number) => void
}

/** One rule, one file, named as its id. Sees the model, never a format; shares no state with other rules. */
export interface Rule {
  /** Ids it may report. The first is the file's name. */
  readonly ids: readonly RuleId[]
  /** `values` rules run only under `--deep`. */
  readonly needs: 'structure' | 'values'
  check(context: RuleContext): AsyncIterable<Finding> | Iterable<Finding>
}
