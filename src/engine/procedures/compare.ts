import type { DiffReport, DiffRow, Progress } from '../../contract/schemas'
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
  return withRows(events, rows, input.rowsOnce === true)
})

/** Gives each event of progress the rows that are new since the last; `once`: and the result none. */
async function* withRows(events: ReturnType<typeof job<DiffReport>>, rows: readonly DiffRow[], once: boolean) {
  let told = 0
  let progress: Progress = { done: 0, total: 0, label: '' }
  for await (const event of events) {
    const news = rows.slice(told)
    told = rows.length
    if (event.type === 'progress') {
      progress = event.progress
      yield { ...event, rows: news }
    } else if (once) {
      if (news.length > 0) yield { type: 'progress' as const, progress, rows: news }
      yield { ...event, result: { ...event.result, tensors: [] } }
    } else yield event
  }
}

export const comparison = { diff: compare }
