import type { DiffRow } from './row'

/**
 * The one change that makes B's names of A's, where there is one for all rows: the leading parts that differ, as `transformer.* is
 * now *`. Undefined where names changed in more ways than one.
 */
export function renamingOf(rows: readonly Pick<DiffRow, 'name' | 'nameB'>[]): string | undefined {
  const ways = new Set(rows.map(({ name, nameB = name }) => changeOf(name, nameB)))
  const [way] = ways
  return ways.size === 1 && rows.length > 1 ? way : undefined
}

function changeOf(name: string, nameB: string): string {
  const [from, to] = [name.split('.'), nameB.split('.')]
  while (from.length > 0 && to.length > 0 && from.at(-1) === to.at(-1)) {
    from.pop()
    to.pop()
  }
  return `${[...from, '*'].join('.')} is now ${[...to, '*'].join('.')}`
}
