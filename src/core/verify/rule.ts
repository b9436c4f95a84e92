import type { Checkpoint } from '../checkpoint/checkpoint'
import type { Finding, RuleId } from '../finding'
import type { Reference } from './reference'
import type { Values } from './values'

interface RuleContext {
  readonly checkpoint: Checkpoint
  /** Statistics of values, read once for all rules. Only rules that need values may ask. */
  readonly values: Values
  /** A sound checkpoint of the same model, where the user named one. */
  readonly reference?: Reference
  readonly signal?: AbortSignal
  /** Told of bytes that a rule reads by itself, and of whose values they are. */
  readonly onBytes?: (bytes: number, name: string) => void
}

/** One rule, one file, named as its id. Sees the model, never a format; shares no state with other rules. */
export interface Rule {
  /** Ids it may report. The first is the file's name. */
  readonly ids: readonly RuleId[]
  /** `values` rules run only under `--deep`. */
  readonly needs: 'structure' | 'values'
  check(context: RuleContext): AsyncIterable<Finding> | Iterable<Finding>
}
