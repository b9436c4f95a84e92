import type { Finding } from '../../../contract/schemas'

export interface RuleGroup {
  readonly rule: string
  /** The worst among its findings. */
  readonly severity: Finding['severity']
  readonly findings: readonly Finding[]
}

const ORDER = ['error', 'warning', 'info'] as const

/** Findings by rule, the worst rule first, then the one with most findings. */
export function groupByRule(findings: readonly Finding[]): RuleGroup[] {
  const byRule = new Map<string, Finding[]>()
  for (const finding of findings) {
    const group = byRule.get(finding.rule)
    if (group) group.push(finding)
    else byRule.set(finding.rule, [finding])
  }
  return [...byRule]
    .map(([rule, members]) => ({
      rule,
      severity: ORDER.find((severity) => members.some((member) => member.severity === severity)) ?? 'info',
      findings: members,
    }))
    .sort((a, b) => ORDER.indexOf(a.severity) - ORDER.indexOf(b.severity) || b.findings.length - a.findings.length)
}
