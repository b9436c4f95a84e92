import type { TensorRow } from '../../../contract/schemas'
import type { Matcher } from './search'

/** Columns whose few values can be picked from a list. */
export const FACETS = ['flags', 'component', 'dtype', 'file'] as const
export type Facet = (typeof FACETS)[number]

/** For each facet the values let through; an empty set lets everything through. */
export type Facets = Readonly<Record<Facet, ReadonlySet<string>>>

const NONE: ReadonlySet<string> = new Set()
export const NO_FACETS: Facets = { flags: NONE, component: NONE, dtype: NONE, file: NONE }

function valuesOf(row: TensorRow, facet: Facet): readonly string[] {
  return facet === 'flags' ? row.flags : [row[facet]]
}

export function filterRows(rows: readonly TensorRow[], { matches }: Matcher, facets: Facets): TensorRow[] {
  const asked = FACETS.filter((facet) => facets[facet].size > 0)
  return rows.filter(
    (row) =>
      asked.every((facet) => valuesOf(row, facet).some((value) => facets[facet].has(value))) && matches(row.name),
  )
}

/** How many rows have each value of each facet; the commonest first. */
export function countFacets(rows: readonly TensorRow[]): Record<Facet, [value: string, count: number][]> {
  const count = (facet: Facet): [string, number][] => {
    const counts = new Map<string, number>()
    for (const row of rows) for (const value of valuesOf(row, facet)) counts.set(value, (counts.get(value) ?? 0) + 1)
    return [...counts].sort((a, b) => b[1] - a[1])
  }
  return { flags: count('flags'), component: count('component'), dtype: count('dtype'), file: count('file') }
}

export function toggled(facets: Facets, facet: Facet, value: string): Facets {
  const values = new Set(facets[facet])
  if (!values.delete(value)) values.add(value)
  return { ...facets, [facet]: values }
}
