import type { DiffReport, DiffRow } from '../../contract/schemas'
import { globFilter } from '../../core/checkpoint/glob'
import { diff } from '../../core/diff/diff'
import { procedures } from '../base'
import { job } from '../jobs'
import { wireDiff, wireRow } from '../wire/diff'

const compare = procedures.diff.handler(({ input, context: { engine }, signal }) => {
  const a = engine.get(input.a).checkpoint
  const b = engine.get(input.b).checkpoint
  const { atol = 0, rtol = 0 } = input
  const chosen = {
    kernel: engine.kernel,
    ...(input.filter !== undefined && { filter: globFilter(input.filter) }),
    ...(input.rename && { renames: new Map(Object.entries(input.rename)) }),
    ...((atol > 0 || rtol > 0) && { tolerance: { atol, rtol } }),
    ...(input.ulp && { ulp: true }),
    ...(input.weightsOnly && { weightsOnly: true }),
  }
  const rows: DiffRow[] = []
  const onRow = (row: Parameters<typeof wireRow>[0]) => rows.push(wireRow(row))
  const events = job(signal, async (onProgress, abort) =>
    wireDiff(await diff(a, b, { ...chosen, signal: abort, onProgress, onRow }), rows),
  )
  return withRows(events, rows)
})

/** Gives each event of progress the rows that are new since the last. */
async function* withRows(events: ReturnType<typeof job<DiffReport>>, rows: readonly DiffRow[]) {
  let told = 0
  for await (const event of events) {
    const news = event.type === 'progress' ? { ...event, rows: rows.slice(told) } : event
    told = rows.length
    yield news
  }
}

export const comparison = { diff: compare }
