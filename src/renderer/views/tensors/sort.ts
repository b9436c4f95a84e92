import type { Statistics, TensorRow } from '../../../contract/schemas'
import type { Sorting } from '../../ui/data-grid'
import { toNumber } from '../../ui/format'
import { sortNaturally } from './natural'

/** Rows in the order asked for; null leaves them as they are. Equal rows keep the order they had. */
export function sortRows(
  rows: readonly TensorRow[],
  sorting: Sorting | null,
  statisticsOf: (index: number) => Statistics | undefined = () => undefined,
): readonly TensorRow[] {
  if (!sorting) return rows
  if (isMeasure(sorting.column)) return byMeasure(rows, sorting.column, sorting.descending, statisticsOf)
  const sorted = ascending(rows, sorting.column)
  return sorting.descending ? sorted.reverse() : sorted
}

const MEASURES = ['min', 'max', 'mean', 'std', 'nan'] as const
type Measure = (typeof MEASURES)[number]

/** Columns that hold what was read of the values. */
export function isMeasure(column: string): column is Measure {
  return MEASURES.some((measure) => measure === column)
}

/** Rows whose values were not read, or have no such number, come last either way. */
function byMeasure(
  rows: readonly TensorRow[],
  measure: Measure,
  descending: boolean,
  statisticsOf: (index: number) => Statistics | undefined,
): TensorRow[] {
  const sign = descending ? -1 : 1
  const numberOf = ({ index }: TensorRow) => {
    const value = statisticsOf(index)?.[measure]
    return value === undefined || value === null ? null : toNumber(value)
  }
  return rows
    .map((row) => ({ row, value: numberOf(row) }))
    .sort((a, b) =>
      a.value === null || b.value === null
        ? Number(a.value === null) - Number(b.value === null)
        : sign * (a.value - b.value),
    )
    .map(({ row }) => row)
}

/** Rows as the tree has them: components as they come, names in natural order. */
export function inTreeOrder(rows: readonly TensorRow[]): TensorRow[] {
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
