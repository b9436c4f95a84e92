import { AssayError, shortened } from './errors'
import { RULES, type RuleId, type Severity } from './rules'

export { RULES, type RuleId, type Severity } from './rules'

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

/** A finding with its rule's severity, unless `more.severity` says otherwise. An endless message is cut. */
export function finding(
  rule: RuleId,
  subject: string,
  message: string,
  more: { severity?: Severity; evidence?: Record<string, unknown>; repair?: string } = {},
): Finding {
  return { rule, severity: RULES[rule].severity, subject, message: shortened(message), ...more }
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
