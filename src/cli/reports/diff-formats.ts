import type { DiffReport, DiffRow } from '../../contract/schemas'
import { countText, numberText, plural, shapeText } from '../text/units'
import { STYLE, text } from './html'
import { code, plain } from './markdown'

/** Rows of a list for people; all of them are in the csv. */
const LISTED = 500

const MEASURES = ['changed', 'maxAbs', 'meanAbs', 'rms', 'relL2', 'cosine'] as const
const SAYS: Record<DiffRow['status'], string> = {
  same: 'the same',
  changed: 'changed',
  onlyA: 'only in A',
  onlyB: 'only in B',
  shape: 'of another shape',
  dtype: 'of another dtype',
}

/** `3 the same, 1 changed`. */
export function countsOf({ summary }: DiffReport): string {
  const counts = (Object.keys(SAYS) as DiffRow['status'][])
    .filter((status) => summary[status] > 0)
    .map((status) => `${countText(summary[status])} ${SAYS[status]}`)
  if (summary.moved) counts.push(`${countText(summary.moved)} of them under another name`)
  return counts.join(', ') || 'none'
}

/** The share of values that changed, or what keeps them from being compared. */
export function changeOf({ status, changed, count, shapeA, shapeB, dtypeA, dtypeB }: DiffRow): string {
  if (changed !== null && count) return `${((changed / count) * 100).toFixed(1)}%`
  if (status === 'dtype') return `${dtypeA} → ${dtypeB}`
  if (shapeA && shapeB) return `${shapeText(shapeA)} → ${shapeText(shapeB)}`
  return shapeText(shapeA ?? shapeB ?? [])
}

/** The name, and what B calls it. */
export function nameOf({ name, nameB }: DiffRow): string {
  return nameB === undefined ? name : `${name} → ${nameB}`
}

/** One line for each tensor, the same ones included; the training state is not in it. */
export function csvText({ tensors }: DiffReport): string {
  const head = ['name', 'nameB', 'status', 'match', 'anatomy', 'shapeA', 'shapeB', 'dtypeA', 'dtypeB', 'count']
  const more = ['beyond', 'becameNan', 'wasNan', 'maxUlp', 'note'] as const
  const lines = tensors.map((row) =>
    [
      row.name,
      row.nameB,
      row.status,
      row.match,
      row.anatomy,
      row.shapeA?.join('x'),
      row.shapeB?.join('x'),
      row.dtypeA,
      row.dtypeB,
      row.count,
      ...MEASURES.map((measure) => row[measure]),
      ...more.map((key) => row[key]),
    ]
      .map((cell) => csvCell(cell ?? ''))
      .join(','),
  )
  return `${[[...head, ...MEASURES, ...more].join(','), ...lines].join('\n')}\n`
}

/** Quoted where it must be; what a spreadsheet would take for a formula is led by an apostrophe. */
function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const inert = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value
  return /[",\n\r]/.test(inert) ? `"${inert.replace(/"/g, '""')}"` : inert
}

export function diffMarkdown(report: DiffReport): string {
  const { a, b, identical, tensors, state, conclusions = [] } = report
  const rows = differing(tensors).map(
    (row) =>
      `| ${code(nameOf(row))} | ${row.status} | ${plain(changeOf(row))} | ${shown(row).join(' | ')} | ${plain(row.note ?? '')} |`,
  )
  const facts = state.map(
    ({ what, a: left, b: right, same }) =>
      `| ${code(what)} | ${plain(short(left))} | ${same ? '=' : plain(short(right))} |`,
  )
  return [
    `# ${code(a)} → ${code(b)}\n\n**${identical ? 'Identical' : 'Different'}**: ${plural(tensors.length, 'tensor')}, ${countsOf(report)}.\n`,
    conclusions.map(({ text: says }) => `- ${plain(says)}\n`).join(''),
    rows.length > 0
      ? `| ${HEAD.map(plain).join(' | ')} |\n|${HEAD.map(() => ' --- |').join('')}\n${rows.join('\n')}\n`
      : '',
    restOf(tensors),
    facts.length > 0 ? `| training state | A | B |\n| --- | --- | --- |\n${facts.join('\n')}\n` : '',
  ]
    .filter((part) => part !== '')
    .join('\n')
}

/** A page that stands alone: no script, nothing fetched. */
export function diffHtml(report: DiffReport): string {
  const { a, b, identical, tensors, state, conclusions = [] } = report
  const cells = (values: readonly string[]) => `<tr>${values.map((value) => `<td>${text(value)}</td>`).join('')}</tr>`
  const rows = differing(tensors).map((row) =>
    cells([nameOf(row), row.status, changeOf(row), ...shown(row), row.note ?? '']),
  )
  const facts = state.map(({ what, a: left, b: right, same }) => cells([what, short(left), same ? '=' : short(right)]))
  const rest = restOf(tensors)
  const table = (head: readonly string[], body: readonly string[]) =>
    body.length === 0
      ? ''
      : `<table><tr>${head.map((cell) => `<th>${cell}</th>`).join('')}</tr>\n${body.join('\n')}</table>`
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Assay: ${text(a)} and ${text(b)}</title><style>${STYLE}</style></head>
<body><h1>${text(a)} → ${text(b)}</h1>
<p><b>${identical ? 'Identical' : 'Different'}</b>: ${plural(tensors.length, 'tensor')}, ${countsOf(report)}.</p>
${conclusions.length > 0 ? `<ul>${conclusions.map(({ text: says }) => `<li>${text(says)}</li>`).join('')}</ul>` : ''}
${table(HEAD, rows)}
${rest === '' ? '' : `<p>${rest}</p>`}
${table(['training state', 'A', 'B'], facts)}
</body></html>
`
}

const HEAD = ['tensor', '', 'changed', 'max |d|', 'rms', 'relative L2', 'cosine', '']

function shown({ maxAbs, rms, relL2, cosine }: DiffRow): string[] {
  return [maxAbs, rms, relL2, cosine].map(numberText)
}

function differing(tensors: readonly DiffRow[]): DiffRow[] {
  return tensors.filter(({ status, match }) => status !== 'same' || match).slice(0, LISTED)
}

function restOf(tensors: readonly DiffRow[]): string {
  const rest = tensors.filter(({ status, match }) => status !== 'same' || match).length - LISTED
  return rest > 0 ? `And ${countText(rest)} more.\n` : ''
}

/** A fact of the training state on one line. */
export function short(value: unknown): string {
  const written = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return written.length > 60 ? `${written.slice(0, 59)}…` : written
}
