import { diffTable, moduleTable } from '../../contract/diff-table'
import type { DiffReport } from '../../contract/schemas'
import type { Io } from '../io'
import { csvPieces } from '../reports/csv'
import { modulesOf } from '../reports/diff-cells'
import { diffHtml, diffMarkdown } from '../reports/diff-formats'
import { diffText } from '../reports/diff-text'
import type { DiffFormat } from '../reports/formats'
import { withSession } from '../session'
import { STATUS, type Status } from '../status'
import { jsonPieces, jsonText } from '../text/safe'

interface Options {
  readonly filter?: string
  readonly rename?: Readonly<Record<string, string>>
  readonly atol?: number
  readonly rtol?: number
  readonly ulp?: true
  readonly weightsOnly?: true
  /** `true` where it was asked for without a depth. */
  readonly modules?: number | true
  readonly format: DiffFormat
  readonly json?: true
}

export async function diff(a: string, b: string, options: Options, io: Io): Promise<Status> {
  const { json, format, modules, ...choices } = options
  const depth = modules === true ? Number.POSITIVE_INFINITY : modules
  return withSession(io, async ({ client, checkpoint, finish }) => {
    const sides = { a: (await checkpoint(a)).id, b: (await checkpoint(b)).id }
    const report = await finish(client.diff({ ...sides, ...choices }, { ...(io.signal && { signal: io.signal }) }))
    // Of 100,000 tensors the text is as large as they are: not both at once.
    for (const id of Object.values(sides)) await client.close({ id })
    for (const piece of told(report, json ? 'json' : format, depth, io)) io.stdout.write(piece)
    return report.identical ? STATUS.good : STATUS.findings
  })
}

function told(report: DiffReport, format: DiffFormat, depth: number | undefined, io: Io): Iterable<string> {
  switch (format) {
    case 'json':
      return io.stdout.isTTY ? [jsonText(report, true)] : jsonPieces(report)
    case 'markdown':
      return [diffMarkdown(report, depth)]
    case 'html':
      return [diffHtml(report, depth)]
    case 'csv':
      return csvPieces(depth === undefined ? diffTable(report) : moduleTable(modulesOf(report, depth)))
    case 'text':
      return diffText(report, depth, io)
  }
}
