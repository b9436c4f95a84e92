export type Severity = 'error' | 'warning' | 'info'

export type Way = 'repair' | 'reference' | 'export' | 'dtype' | 'diff' | 'deep'

/** What a person should know of a rule. Command, window and documentation all read these texts. */
export interface RuleText {
  /** How bad a finding of it is unless the finder says otherwise. */
  readonly severity: Severity
  /** What is wrong, in one line. */
  readonly title: string
  /** What it means for the user, in a sentence or two. */
  readonly means: string
  /** What mends it, whatever the face. */
  readonly mends: string
  /** Where Assay does that itself, with what: each face says how it is asked for. */
  readonly by?: Way
}
