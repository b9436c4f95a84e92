import type { Component, Finding, Verification } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { factsOf } from '../reports/facts'
import { foldsOf, type Report } from '../reports/report'
import { safe } from './safe'
import { table } from './table'
import { bytesText, countText, numberText, plural } from './units'

const RESUME: Record<Verification['resume']['level'], string> = {
  exact: 'resumes exactly where it stopped',
  stable: 'resumes, not exactly',
  'weights-only': 'the weights load; training starts its state anew',
  none: 'does not resume',
}

/** What resuming comes to. Of what was not read, nothing is claimed. */
function resumeText({ verdict, resume, findings }: Verification): string {
  if (verdict !== 'partial' || resume.level !== 'none') return RESUME[resume.level]
  const unread = findings.some(({ rule, severity }) => rule === 'file/unknown-format' && severity !== 'info')
  return unread ? 'not all of it is read: whether it resumes is not known' : 'nothing to resume from by itself'
}

/** The verdict in a line, the reasons below it. */
export function verdictLine(verification: Verification, io: Io): string {
  const { verdict, resume, tensors } = verification
  const { green, yellow, red, bold, dim } = colors(io)
  const paint = { complete: green, partial: yellow, broken: red }[verdict]
  const amount = `${plural(tensors.count, 'tensor')}, ${countText(tensors.parameters)} parameters, ${bytesText(tensors.bytes)}`
  const why = resume.why.map((reason) => `  ${safe(reason)}\n`).join('')
  return `${paint(bold(verdict.toUpperCase()))}  ${resumeText(verification)}\n${why}${dim(amount)}`
}

const MARKS: Record<Component['status'], string> = { present: '✓', missing: '✗', damaged: '!', 'not-applicable': '·' }

/** A line a component; those that do not apply are left out. */
export function componentLines({ components }: Pick<Verification, 'components'>, io: Io): string {
  const { green, yellow, red, dim } = colors(io)
  const paint = { present: green, missing: yellow, damaged: red, 'not-applicable': dim }
  const shown = components.filter(({ status }) => status !== 'not-applicable')
  const rows = shown.map(({ label, status, files, note }) => {
    const where =
      files.length > 3
        ? `${files.slice(0, 2).map(safe).join(', ')} and ${files.length - 2} more`
        : files.map(safe).join(', ')
    return [MARKS[status], label, status, [where, note && safe(note)].filter(Boolean).join('  ')]
  })
  return table(rows, {
    indent: '  ',
    paint: (cell, column, row) => {
      const status = shown[row]?.status ?? 'present'
      return column === 0 || column === 2 ? paint[status](cell) : column === 3 ? dim(cell) : cell
    },
  })
}

/** Findings of one rule and severity that are shown one by one before the rest is counted. */
const SHOWN_EACH = 6

/** Findings by rule, the gravest first, each with what would mend it. */
export function findingLines(findings: readonly Finding[], io: Io): string {
  const { red, yellow, cyan, dim, bold } = colors(io)
  const paint = { error: red, warning: yellow, info: cyan }
  const way = (repair: string | undefined) => (repair === undefined ? '' : `    ${dim('→')} ${safe(repair)}\n`)
  let text = ''
  for (const { findings: all } of foldsOf(findings)) {
    const [first] = all
    const times = all.length > 1 ? dim(` × ${all.length}`) : ''
    text += `${paint[first.severity](first.severity)} ${bold(first.rule)}${times}\n`
    const shared = all.every(({ repair }) => repair === first.repair)
    for (const { message, repair } of all.slice(0, SHOWN_EACH)) {
      text += `  ${safe(message)}\n${shared ? '' : way(repair)}`
    }
    if (all.length > SHOWN_EACH) text += dim(`  … and ${all.length - SHOWN_EACH} more\n`)
    if (shared) text += way(first.repair)
  }
  return text === '' ? dim('No findings.\n') : text
}

/** A checkpoint in full: verdict, components, findings. */
export function checkpointText(verification: Verification, io: Io): string {
  const { bold, dim } = colors(io)
  const { path, layoutLabel, step, deep } = verification
  const head = [bold(safe(path)), safe(layoutLabel), ...(step === undefined ? [] : [`step ${step}`])].join('  ')
  return [
    `${head}\n${verdictLine(verification, io)}\n`,
    componentLines(verification, io),
    findingLines(verification.findings, io),
    deep ? '' : dim('Values were not read; --deep reads them all.\n'),
  ].join('\n')
}

/** A line for each checkpoint, and what they tell together. */
export function runText(report: Report, io: Io): string {
  const { path, rows: checkpoints, runs } = report
  const { bold, dim, green, yellow, red } = colors(io)
  const paint = { complete: green, partial: yellow, broken: red, error: red }
  const rows = new Map(runs.flatMap((run) => run.checkpoints.map((one) => [one.path, one])))
  const names = checkpoints.map((row) => ('error' in row ? 'error' : row.verdict))
  const lines = checkpoints.map((row) => {
    const name = safe(path !== '' && row.path.startsWith(`${path}/`) ? row.path.slice(path.length + 1) : row.path)
    if ('error' in row) return [name, '', '', '', 'error', safe(row.error.message)]
    const known = rows.get(row.path)
    const rules = [...new Set(row.findings.filter(({ severity }) => severity !== 'info').map(({ rule }) => rule))]
    const step = row.step === undefined ? '' : `step ${row.step}`
    const loss = known?.loss ? `loss ${numberText(known.loss.value)}` : ''
    return [name, step, known ? bytesText(known.bytes) : '', loss, row.verdict, rules.join(', ')]
  })
  const body = table(lines, {
    indent: '  ',
    paint: (cell, column, row) => (column === 4 ? paint[names[row] ?? 'error'](cell) : column === 5 ? dim(cell) : cell),
  })
  const [first, ...others] = factsOf(report)
  const head = path === '' ? '' : `${bold(safe(path))}\n\n`
  const last = first ? `${(first.grave ? red : bold)(safe(first.text))}\n` : ''
  const rest = others.map(({ text, grave }) => `${grave ? yellow(safe(text)) : safe(text)}\n`)
  return `${head}${body}\n${last}${rest.join('')}`
}
