import type { RuleText } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'

/** Every rule with what it means and what mends it. */
export function rulesText(rules: readonly RuleText[], io: Io): string {
  const { red, yellow, cyan, dim, bold } = colors(io)
  const paint = { error: red, warning: yellow, info: cyan }
  return rules
    .map(
      ({ id, severity, title, means, mends }) =>
        `${bold(id)}  ${paint[severity](severity)}  ${title}\n  ${means}\n  ${dim('→')} ${mends}\n`,
    )
    .join('\n')
}
