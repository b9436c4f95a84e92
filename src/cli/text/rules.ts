import type { RuleText } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'

const COMMANDS: Record<NonNullable<RuleText['by']>, string> = {
  repair: 'assay repair',
  reference: 'assay repair --reference',
  export: 'assay export',
  dtype: 'assay export --dtype',
  diff: 'assay diff',
  deep: 'assay verify --deep',
}

/** What mends a finding of the rule, with the command that does it. */
export function mendsText({ mends, by }: Pick<RuleText, 'mends' | 'by'>): string {
  return by === undefined ? mends : `${mends} (\`${COMMANDS[by]}\`)`
}

/** Every rule with what it means and what mends it. */
export function rulesText(rules: readonly RuleText[], io: Io): string {
  const { red, yellow, cyan, dim, bold } = colors(io)
  const paint = { error: red, warning: yellow, info: cyan }
  return rules
    .map(
      ({ id, severity, title, means, mends, by }) =>
        `${bold(id)}  ${paint[severity](severity)}  ${title}\n  ${means}\n  ${dim('→')} ${mendsText({ mends, by })}\n`,
    )
    .join('\n')
}
