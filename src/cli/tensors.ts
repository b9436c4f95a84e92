import type { TensorRow } from '../contract/schemas'
import { globFilter } from '../engine/glob'
import type { Session } from './session'

const PAGE = 5000

/** Every row of an open checkpoint whose name fits. */
export async function tensorRows(session: Session, id: string, filter: string | undefined): Promise<TensorRow[]> {
  const fits = filter === undefined ? () => true : globFilter(filter)
  const kept: TensorRow[] = []
  for (let offset = 0, total = 1; offset < total; offset += PAGE) {
    const page = await session.client.tensors({ id, offset, limit: PAGE })
    total = page.total
    for (const row of page.rows) if (fits(row.name)) kept.push(row)
  }
  return kept
}
