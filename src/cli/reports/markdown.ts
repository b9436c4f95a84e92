import type { Verification } from '../../contract/schemas'
import { mendsText } from '../text/rules'
import { safe } from '../text/safe'
import { bytesText, countText, plural } from '../text/units'
import { factsOf } from './facts'
import { foldsOf, type Report } from './report'

/** Findings of one rule that are listed before the rest is counted. */
const LISTED = 30

/** A report to paste into an issue: what people ask for first at the top, lists folded away. */
export function markdownText(report: Report): string {
  const { rows, path } = report
  const facts = factsOf(report)
  const parts = rows.map((row) =>
    'error' in row
      ? `## ${code(row.path)}\n\nCould not be read: ${plain(row.error.message)} (${code(row.error.code)})\n`
      : checkpointText(row, report),
  )
  if (facts.length === 0) return parts.join('\n')
  const table = rows.map((row) => {
    if ('error' in row) return `| ${code(row.path)} | | error | |`
    const counts = foldsOf(row.findings).filter(({ severity }) => severity !== 'info')
    return `| ${code(row.path)} | ${row.step ?? ''} | ${row.verdict} | ${counts.map(({ rule }) => rule).join(', ')} |`
  })
  const list = facts.map(({ text, grave }) => (grave ? `- **${plain(text)}**` : `- ${plain(text)}`)).join('\n')
  const title = path === '' ? 'Checkpoints' : code(path)
  const head = `# ${title}\n\n${list}\n\n| checkpoint | step | verdict | findings |\n| --- | --- | --- | --- |\n${table.join('\n')}\n`
  return [head, ...parts].join('\n')
}

function checkpointText(row: Verification, { rules, version }: Report): string {
  const { path, layoutLabel, step, verdict, resume, components, findings, tensors, deep } = row
  const where = step === undefined ? '' : `, step ${step}`
  const amount = `${plural(tensors.count, 'tensor')}, ${countText(tensors.parameters)} parameters, ${bytesText(tensors.bytes)}`
  const shown = components.filter(({ status }) => status !== 'not-applicable')
  const found = foldsOf(findings).map(({ rule, severity, findings: all }) => {
    const text = rules.get(rule)
    const list = all.slice(0, LISTED).map(({ message }) => `- ${plain(message)}`)
    if (all.length > LISTED) list.push(`- and ${all.length - LISTED} more`)
    const count = all.length > 1 ? ` × ${all.length}` : ''
    const help = text ? `\n\n${text.means} *What mends it:* ${mendsText(text)}` : ''
    return `<details><summary>${severity} <b>${rule}</b>${count}: ${text?.title ?? ''}</summary>\n\n${list.join('\n')}${help}\n\n</details>\n`
  })
  return [
    `## ${code(path)}\n\n**${verdict.toUpperCase()}**, resume: ${resume.level}. ${layoutLabel}${where}; ${amount}.\n`,
    `${resume.why.map((why) => `- ${plain(why)}`).join('\n')}\n`,
    `| component | status | files | |\n| --- | --- | --- | --- |\n${shown
      .map(
        ({ label, status, files, note }) =>
          `| ${label} | ${status} | ${files.map(code).join(' ')} | ${plain(note ?? '')} |`,
      )
      .join('\n')}\n`,
    ...found,
    `Assay ${version}, ${deep ? 'every value read' : 'names and shapes only; values not read'}.\n`,
  ].join('\n')
}

/** Text of a file as text: nothing in it formats, links or mentions. */
export function plain(text: string): string {
  return safe(text)
    .replace(/[&<>]/g, (character) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[character] as string)
    .replace(/[\\`*_{}[\]#|~!]/g, '\\$&')
    .replace(/@/g, '@\u2060')
}

/** A name as code, whatever is in it. */
export function code(text: string): string {
  const inner = safe(text).replace(/\|/g, '\\|')
  const fence = '`'.repeat(Math.max(0, ...(inner.match(/`+/g) ?? []).map(({ length }) => length)) + 1)
  return fence.length > 1 ? `${fence} ${inner} ${fence}` : `${fence}${inner}${fence}`
}
