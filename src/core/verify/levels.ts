import type { Finding, RuleId, Severity } from '../finding'

/** Severities other than the rules' own; `off`: nothing is found, and what the rule looks for is not asked for. */
export type RuleLevels = ReadonlyMap<RuleId, Severity | 'off'>

/** The findings with the severities that the user gave to their rules, without those of rules that are off. */
export function levelled(findings: readonly Finding[], rules: RuleLevels): Finding[] {
  return findings.flatMap((each) => {
    const severity = rules.get(each.rule) ?? each.severity
    return severity === 'off' ? [] : [{ ...each, severity }]
  })
}
