import type { DiffReport, DiffRow } from '../../contract/schemas'
import { countText, numberText, plural } from '../text/units'
import {
  changeOf,
  cosineText,
  countsOf,
  isListed,
  MODULES_HEAD,
  moduleCells,
  modulesOf,
  nameOf,
  short,
} from './diff-cells'
import { STYLE, text } from './html'
import { code, plain } from './markdown'

/** Rows of a list for people; all of them are in the csv. */
const LISTED = 500

/** The tables by module and by tensor are one: `depth` asks for modules, whose names are up to so many parts long. */
export function diffMarkdown(report: DiffReport, depth?: number): string {
  const { a, b, identical, tensors, state, conclusions = [] } = report
  const facts = state.map(
    ({ what, a: left, b: right, same }) =>
      `| ${code(what)} | ${plain(short(left))} | ${same ? '=' : plain(short(right))} |`,
  )
  return [
    `# ${code(a)} → ${code(b)}\n\n**${identical ? 'Identical' : 'Different'}**: ${plural(tensors.length, 'tensor')}, ${countsOf(report)}.\n`,
    conclusions.map(({ text: says }) => `- ${plain(says)}\n`).join(''),
    ...(depth === undefined
      ? [
          markdownTable(
            HEAD,
            listed(tensors).map(([name, ...rest]) => [code(name), ...rest.map(plain)]),
          ),
          restOf(tensors),
        ]
      : [
          markdownTable(
            MODULES_HEAD,
            modulesOf(report, depth).map((row) => moduleCells(row).map((cell, i) => (i === 0 ? code(cell) : cell))),
          ),
        ]),
    facts.length > 0 ? `| training state | A | B |\n| --- | --- | --- |\n${facts.join('\n')}\n` : '',
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |\n`
  return rows.length === 0
    ? ''
    : `${line(head.map(plain))}|${head.map(() => ' --- |').join('')}\n${rows.map(line).join('')}`
}

/** A page that stands alone: no script, nothing fetched. */
export function diffHtml(report: DiffReport, depth?: number): string {
  const { a, b, identical, tensors, state, conclusions = [] } = report
  const cells = (values: readonly string[]) => `<tr>${values.map((value) => `<td>${text(value)}</td>`).join('')}</tr>`
  const facts = state.map(({ what, a: left, b: right, same }) => cells([what, short(left), same ? '=' : short(right)]))
  const rest = depth === undefined ? restOf(tensors) : ''
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
${depth === undefined ? table(HEAD, listed(tensors).map(cells)) : table(MODULES_HEAD, modulesOf(report, depth).map(moduleCells).map(cells))}
${rest === '' ? '' : `<p>${rest}</p>`}
${table(['training state', 'A', 'B'], facts)}
</body></html>
`
}

const HEAD = ['tensor', '', 'changed', 'max |d|', 'rms', 'relative L2', 'cosine', '']

function listed(tensors: readonly DiffRow[]): [name: string, ...rest: string[]][] {
  return tensors
    .filter(isListed)
    .slice(0, LISTED)
    .map((row) => {
      const { maxAbs, rms, relL2, cosine, note = '' } = row
      const measures = [maxAbs, rms, relL2].map(numberText)
      return [nameOf(row), row.status, changeOf(row), ...measures, cosineText(cosine), note]
    })
}

function restOf(tensors: readonly DiffRow[]): string {
  const rest = tensors.filter(isListed).length - LISTED
  return rest > 0 ? `And ${countText(rest)} more.\n` : ''
}
