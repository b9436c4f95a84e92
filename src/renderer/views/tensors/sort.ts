import type { TensorRow } from '../../../contract/schemas'
import type { Sorting } from '../../ui/data-grid'
import { sortNaturally } from './natural'

/** Rows in the order asked for; null keeps the checkpoint's own. Equal rows keep the order they had. */
export function sortRows(rows: readonly TensorRow[], sorting: Sorting | null): readonly TensorRow[] {
  if (!sorting) return rows
  const sorted = ascending(rows, sorting.column)
  return sorting.descending ? sorted.reverse() : sorted
}

function ascending(rows: readonly TensorRow[], column: string): TensorRow[] {
  switch (column) {
    case 'name':
    case 'file':
      return sortNaturally(rows, (row) => row[column])
    case 'dtype':
    case 'component':
      return rows.toSorted((a, b) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0))
    case 'bytes':
      return rows.toSorted((a, b) => a.bytes - b.bytes)
    case 'flags':
      return rows.toSorted((a, b) => a.flags.length - b.flags.length)
    case 'shape':
      return rows.toSorted((a, b) => a.shape.length - b.shape.length || compareShapes(a.shape, b.shape))
    default:
      return [...rows]
  }
}

function compareShapes(a: readonly number[], b: readonly number[]): number {
  for (const [i, extent] of a.entries()) {
    const other = b[i] ?? 0
    if (extent !== other) return extent - other
  }
  return 0
}
