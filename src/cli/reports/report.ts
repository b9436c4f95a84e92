import type { OpenedRun } from '../../contract/contract'
import type { Finding, RuleText, Verification } from '../../contract/schemas'
import type { Failure } from '../complaint'

/** A checkpoint that was verified, or a path that could not be opened. */
export type Row = Verification | { readonly path: string; readonly error: Failure }

/** What `assay verify` found, in whatever form it is told. */
export interface Report {
  /** The run or the folder that all rows lie in; of a single checkpoint its own path. Empty where they have none in common. */
  readonly path: string
  readonly rows: readonly Row[]
  /** Of one run: null where there is none. Checkpoints of several runs have no last one. */
  readonly lastGood: string | null | undefined
  /** The runs among the paths, with what the checkpoints of each tell together. */
  readonly runs: readonly OpenedRun[]
  readonly rules: ReadonlyMap<string, RuleText>
  /** Version of Assay. */
  readonly version: string
  /** What relative names start from. */
  readonly folder: string
}

/** Whether going on with the run as one would goes wrong, by a pointer or by what a Trainer picks, however whole its checkpoints are. */
export function isAmiss({ findings, trainerPick }: OpenedRun): boolean {
  return findings.some(({ severity }) => severity !== 'info') || trainerPick?.wise === false
}

/** Findings of one rule and severity: 300 tensors with one trouble are told once, with a list. */
export interface Fold {
  readonly rule: string
  readonly severity: Finding['severity']
  readonly findings: readonly [Finding, ...Finding[]]
}

/** The gravest first, then in the order of the findings. */
export function foldsOf(findings: readonly Finding[]): Fold[] {
  const groups = new Map<string, [Finding, ...Finding[]]>()
  for (const severity of ['error', 'warning', 'info'] as const) {
    for (const finding of findings.filter((one) => one.severity === severity)) {
      const key = `${severity} ${finding.rule}`
      const group = groups.get(key)
      if (group) group.push(finding)
      else groups.set(key, [finding])
    }
  }
  return [...groups.values()].map((group) => ({
    rule: group[0].rule,
    severity: group[0].severity,
    findings: group,
  }))
}

/** The file a finding is about, relative to its checkpoint; undefined where it is about the whole. */
export function fileOf(
  { subject, evidence }: Finding,
  { components }: Pick<Verification, 'components'>,
): string | undefined {
  if (typeof evidence?.file === 'string') return evidence.file
  return components.some(({ files }) => files.includes(subject)) ? subject : undefined
}
