import type { TensorRow } from '../contract/schemas'
import { FITS_NOTHING, globFilter } from '../engine/glob'
import { UsageError } from './complaint'
import type { Session } from './session'

const PAGE = 5000

/** Every row of an open checkpoint whose name fits. Throws UsageError where there is a filter and none does. */
export async function tensorRows(session: Session, id: string, filter: string | undefined): Promise<TensorRow[]> {
  const fits = filter === undefined ? () => true : globFilter(filter)
  const kept: TensorRow[] = []
  for (let offset = 0, total = 1; offset < total; offset += PAGE) {
    const page = await session.client.tensors({ id, offset, limit: PAGE })
    total = page.total
    for (const row of page.rows) if (fits(row.name)) kept.push(row)
  }
  if (filter !== undefined && kept.length === 0) throw new UsageError(FITS_NOTHING.message, FITS_NOTHING.hint)
  return kept
}
