import type { DiffReport } from '../../contract/schemas'
import { colors } from '../complaint'
import type { Io } from '../io'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonText, safe } from '../text/safe'
import { table } from '../text/table'
import { countText, numberText, plural, shapeText } from '../text/units'

interface Options {
  readonly filter?: string
  readonly json?: true
}

export async function diff(a: string, b: string, { filter, json }: Options, io: Io): Promise<Status> {
  return withSession(io, async ({ client, checkpoint, finish }) => {
    const sides = { a: (await checkpoint(a)).id, b: (await checkpoint(b)).id }
    const input = { ...sides, ...(filter !== undefined && { filter }) }
    const report = await finish(client.diff(input, { ...(io.signal && { signal: io.signal }) }))
    io.stdout.write(json ? jsonText(report, io.stdout.isTTY === true) : text(report, io))
    return report.identical ? STATUS.good : STATUS.findings
  })
}

const SAYS: Record<DiffReport['tensors'][number]['status'], string> = {
  same: 'the same',
  changed: 'changed',
  onlyA: 'only in A',
  onlyB: 'only in B',
  shape: 'of another shape',
  dtype: 'of another dtype',
}

function text({ a, b, identical, summary, tensors, state }: DiffReport, io: Io): string {
  const { bold, dim, green, yellow } = colors(io)
  const counts = (Object.keys(SAYS) as (keyof typeof SAYS)[])
    .filter((status) => summary[status] > 0)
    .map((status) => `${countText(summary[status])} ${SAYS[status]}`)
  const rows = tensors
    .filter((row) => row.status !== 'same')
    .map((row) => [
      safe(row.name),
      row.status,
      row.changed === null || !row.count ? sides(row) : `${((row.changed / row.count) * 100).toFixed(1)}%`,
      numberText(row.maxAbs),
      numberText(row.rms),
      numberText(row.relL2),
      numberText(row.cosine),
      safe(row.note ?? ''),
    ])
  const head = ['tensor', '', 'changed', 'max |d|', 'rms', 'rel L2', 'cosine', '']
  const measures = table([head, ...rows], {
    indent: '  ',
    align: ['left', 'left', 'right', 'right', 'right', 'right', 'right'],
    paint: (cell, column, row) => (row === 0 ? dim(cell) : column === 1 ? yellow(cell) : cell),
  })
  const facts = table(
    state.map(({ what, a, b, same }) => [safe(what), short(a), same ? '=' : '→', same ? '' : short(b)]),
    { indent: '  ', paint: (cell, column) => (column === 2 ? dim(cell) : cell) },
  )
  return [
    `A  ${bold(safe(a))}\nB  ${bold(safe(b))}\n`,
    `${identical ? green('Identical') : yellow('Different')}: ${plural(tensors.length, 'tensor')}, ${counts.join(', ') || 'none'}\n`,
    rows.length > 0 ? measures : '',
    facts,
  ]
    .filter((part) => part !== '')
    .join('\n')
}

function sides({ shapeA, shapeB, dtypeA, dtypeB, status }: DiffReport['tensors'][number]): string {
  if (status === 'dtype') return `${dtypeA} → ${dtypeB}`
  if (shapeA && shapeB) return `${shapeText(shapeA)} → ${shapeText(shapeB)}`
  return shapeText(shapeA ?? shapeB ?? [])
}

function short(value: unknown): string {
  const written = typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
  return safe(written.length > 60 ? `${written.slice(0, 59)}…` : written)
}
