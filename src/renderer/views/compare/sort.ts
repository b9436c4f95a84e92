import type { DiffRow } from '../../api/compare'
import type { Sorting } from '../../ui/data-grid'
import { toNumber } from '../../ui/format'
import { sortNaturally } from '../tensors/natural'
import { STATUSES } from './status'

/** Rows by a column, or by name as the tree has them; rows that have no number there come last either way. */
export function sortDiff(rows: readonly DiffRow[], sorting: Sorting | null): readonly DiffRow[] {
  if (!sorting) return sortNaturally(rows, (row) => row.name)
  const sign = sorting.descending ? -1 : 1
  const keyOf = keys[sorting.column]
  if (!keyOf) {
    const sorted = sortNaturally(rows, (row) => row.name)
    return sorting.descending ? sorted.reverse() : sorted
  }
  return rows.toSorted((a, b) => {
    const [x, y] = [keyOf(a), keyOf(b)]
    if (x === null || y === null) return Number(x === null) - Number(y === null)
    return sign * (x - y)
  })
}

/** NaN is the largest difference there is. */
function rank(value: DiffRow['maxAbs']): number | null {
  if (value === null) return null
  const number = toNumber(value)
  return Number.isNaN(number) ? Number.POSITIVE_INFINITY : number
}

const keys: Readonly<Record<string, (row: DiffRow) => number | null>> = {
  status: (row) => STATUSES.indexOf(row.status),
  changed: (row) => row.changed,
  maxAbs: (row) => rank(row.maxAbs),
  meanAbs: (row) => rank(row.meanAbs),
  rms: (row) => rank(row.rms),
  relL2: (row) => rank(row.relL2),
  cosine: (row) => rank(row.cosine),
  maxUlp: (row) => row.maxUlp ?? null,
}
