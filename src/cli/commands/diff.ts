import type { DiffReport } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { changeOf, countsOf, csvText, diffHtml, diffMarkdown, nameOf, short } from '../reports/diff-formats'
import type { DiffFormat } from '../reports/formats'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonPieces, jsonText, safe } from '../text/safe'
import { table } from '../text/table'
import { numberText, plural } from '../text/units'

interface Options {
  readonly filter?: string
  readonly rename?: Readonly<Record<string, string>>
  readonly atol?: number
  readonly rtol?: number
  readonly ulp?: true
  readonly format: DiffFormat
  readonly json?: true
}

export async function diff(a: string, b: string, options: Options, io: Io): Promise<Status> {
  const { json, format, ...choices } = options
  return withSession(io, async ({ client, checkpoint, finish }) => {
    const sides = { a: (await checkpoint(a)).id, b: (await checkpoint(b)).id }
    const report = await finish(client.diff({ ...sides, ...choices }, { ...(io.signal && { signal: io.signal }) }))
    // Of 100,000 tensors the text is as large as they are: not both at once.
    for (const id of Object.values(sides)) await client.close({ id })
    for (const piece of told(report, json ? 'json' : format, io)) io.stdout.write(piece)
    return report.identical ? STATUS.good : STATUS.findings
  })
}

function told(report: DiffReport, format: DiffFormat, io: Io): Iterable<string> {
  switch (format) {
    case 'json':
      return io.stdout.isTTY ? [jsonText(report, true)] : jsonPieces(report)
    case 'markdown':
      return [diffMarkdown(report)]
    case 'html':
      return [diffHtml(report)]
    case 'csv':
      return [csvText(report)]
    case 'text':
      return [text(report, io)]
  }
}

function text(report: DiffReport, io: Io): string {
  const { a, b, identical, tensors, state, conclusions = [] } = report
  const { bold, dim, green, yellow } = colors(io)
  const ulp = tensors.some(({ maxUlp }) => maxUlp !== undefined)
  const rows = tensors
    .filter(({ status, match }) => status !== 'same' || match !== undefined)
    .map((row) => [
      safe(nameOf(row)),
      row.status,
      changeOf(row),
      numberText(row.maxAbs),
      numberText(row.rms),
      numberText(row.relL2),
      numberText(row.cosine),
      ...(ulp ? [numberText(row.maxUlp)] : []),
      safe(row.note ?? ''),
    ])
  const head = ['tensor', '', 'changed', 'max |d|', 'rms', 'rel L2', 'cosine', ...(ulp ? ['max ulp'] : []), '']
  const measures = table([head, ...rows], {
    indent: '  ',
    align: ['left', 'left', ...new Array<'right'>(ulp ? 6 : 5).fill('right')],
    paint: (cell, column, row) => (row === 0 ? dim(cell) : column === 1 ? yellow(cell) : cell),
  })
  const facts = table(
    state.map(({ what, a, b, same }) => [safe(what), safe(short(a)), same ? '=' : '→', same ? '' : safe(short(b))]),
    { indent: '  ', paint: (cell, column) => (column === 2 ? dim(cell) : cell) },
  )
  const verdict = identical ? green('Identical') : yellow('Different')
  return [
    `A  ${bold(safe(a))}\nB  ${bold(safe(b))}\n`,
    `${verdict}: ${plural(tensors.length, 'tensor')}, ${countsOf(report)}\n`,
    conclusions.map((conclusion) => `${safe(conclusion.text)}.\n`).join(''),
    rows.length > 0 ? measures : '',
    facts,
  ]
    .filter((part) => part !== '')
    .join('\n')
}
