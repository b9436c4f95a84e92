import type { z } from 'zod'
import type { diffReport } from '../../contract/schemas'
import type { Client } from './connection'
import type { JobEvent } from './jobs'

export type DiffReport = z.infer<typeof diffReport>
export type DiffRow = DiffReport['tensors'][number]

interface Sides {
  /** The open checkpoint. */
  readonly id: string
  /** What it is compared with: opened for this, and closed after it. */
  readonly path: string
  /** The open checkpoint stands on the right. */
  readonly swapped: boolean
}

/** Opens the other side, measures the differences, and closes it again, however that ends. */
export async function* compare(
  client: Client,
  { id, path, swapped }: Sides,
  signal: AbortSignal,
): AsyncGenerator<JobEvent<DiffReport>> {
  const other = await client.open({ path }, { signal })
  if (other.kind === 'run') {
    throw new Error(`${other.name} is a run of ${other.checkpoints.length} checkpoints: choose one of them`)
  }
  try {
    yield* await client.diff(swapped ? { a: other.id, b: id } : { a: id, b: other.id }, { signal })
  } finally {
    // Nobody waits for it, and an engine that is gone has closed it already.
    client.close({ id: other.id }).catch(() => undefined)
  }
}
