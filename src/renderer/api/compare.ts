import type { z } from 'zod'
import type { diffReport, TensorLook } from '../../contract/schemas'
import type { Client } from './connection'
import type { JobEvent } from './jobs'

export type DiffReport = z.infer<typeof diffReport>
export type DiffRow = DiffReport['tensors'][number]

/** What a comparison allows for; see the contract. */
export type DiffOptions = Pick<Parameters<Client['diff']>[0], 'atol' | 'rtol' | 'rename' | 'ulp' | 'weightsOnly'>

export interface Sides {
  /** The open checkpoint. */
  readonly id: string
  /** What it is compared with: opened for this, and closed after it. */
  readonly path: string
  /** The open checkpoint stands on the right. */
  readonly swapped: boolean
}

/** So often is the report shown anew while it grows, and for each 10,000 rows that it has: all of it is sorted each time. */
const EVERY_MS = 400
const ROWS = 10_000

/** Opens the other side, measures the differences, and closes it again, however that ends. Rows are shown as they come. */
export async function* compare(
  client: Client,
  sides: Sides,
  signal: AbortSignal,
  options: DiffOptions = {},
): AsyncGenerator<JobEvent<DiffReport>> {
  let told = 0
  let partial = emptyReport()
  for await (const event of withOther(client, sides, signal, (pair) =>
    client.diff({ ...pair, ...options, rowsOnce: true }, { signal }),
  )) {
    if (event.type === 'result') {
      yield { ...event, result: { ...event.result, tensors: partial.tensors } }
      continue
    }
    partial = grown(partial, event.rows)
    const isDue = performance.now() - told > EVERY_MS * Math.max(1, partial.tensors.length / ROWS)
    if (isDue) told = performance.now()
    yield { type: 'progress', progress: event.progress, ...(isDue && { partial }) }
  }
}

/** Where one tensor of a comparison differs. */
export async function differenceOf(
  client: Client,
  sides: Sides,
  { name, nameB }: Pick<DiffRow, 'name' | 'nameB'>,
  signal: AbortSignal,
): Promise<TensorLook> {
  const ask = async function* (pair: Pair) {
    yield await client.difference({ ...pair, name, ...(nameB !== undefined && { nameB }) }, { signal })
  }
  for await (const difference of withOther(client, sides, signal, async (pair) => ask(pair))) return difference
  throw new Error('The tensor was not compared')
}

interface Pair {
  readonly a: string
  readonly b: string
}

async function* withOther<Event>(
  client: Client,
  { id, path, swapped }: Sides,
  signal: AbortSignal,
  events: (pair: Pair) => Promise<AsyncIterable<Event>>,
): AsyncGenerator<Event> {
  // Only its values are of interest: nothing in it is looked for.
  const other = await client.hold({ path }, { signal })
  if (other.kind === 'run') {
    throw new Error(`${other.path} is a run of ${other.checkpoints.length} checkpoints: choose one of them`)
  }
  try {
    yield* await events(swapped ? { a: other.id, b: id } : { a: id, b: other.id })
  } finally {
    // Nobody waits for it, and an engine that is gone has closed it already.
    client.close({ id: other.id }).catch(() => undefined)
  }
}

function emptyReport(): DiffReport {
  const summary = { same: 0, changed: 0, unread: 0, onlyA: 0, onlyB: 0, shape: 0, dtype: 0, moved: 0 }
  return { a: '', b: '', identical: false, summary, tensors: [], state: [] }
}

/** The report with more rows, which are added to the list it has: a copy for each batch would cost the square of them all. */
function grown(report: DiffReport, rows: readonly DiffRow[]): DiffReport {
  const summary = { ...report.summary }
  for (const row of rows) {
    report.tensors.push(row)
    summary[row.status] += 1
    if (row.match !== undefined && row.match !== 'rename') summary.moved = (summary.moved ?? 0) + 1
  }
  return { ...report, summary }
}
