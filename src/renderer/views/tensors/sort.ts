import type { TensorRow } from '../../../contract/schemas'
import type { Sorting } from '../../ui/data-grid'
import { sortNaturally } from './natural'

/** Rows in the order asked for; null is the tree's: components as they come, names in natural order. Equal rows keep the order they had. */
export function sortRows(rows: readonly TensorRow[], sorting: Sorting | null): readonly TensorRow[] {
  if (!sorting) return inTreeOrder(rows)
  const sorted = ascending(rows, sorting.column)
  return sorting.descending ? sorted.reverse() : sorted
}

function inTreeOrder(rows: readonly TensorRow[]): TensorRow[] {
  const places = new Map<string, number>()
  for (const { component } of rows) if (!places.has(component)) places.set(component, places.size)
  const placeOf = ({ component }: TensorRow) => places.get(component) ?? 0
  return sortNaturally(rows, (row) => row.name).sort((a, b) => placeOf(a) - placeOf(b))
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
