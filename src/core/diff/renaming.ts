import type { DiffRow } from './row'

/**
 * The one change that makes B's names of A's, where there is one for all rows: the leading parts that differ, as `transformer.* is
 * now *`. Undefined where names changed in more ways than one.
 */
export function renamingOf(rows: readonly Pick<DiffRow, 'name' | 'nameB'>[]): string | undefined {
  const [first, ...others] = rows
  if (!first || others.length === 0) return undefined
  const way = wayOf(first)
  return others.every((row) => wayOf(row) === way) ? way : undefined
}

function wayOf({ name, nameB = name }: Pick<DiffRow, 'name' | 'nameB'>): string {
  const kept = commonEnding(name, nameB)
  return `${name.slice(0, name.length - kept)}* is now ${nameB.slice(0, nameB.length - kept)}*`
}

/** Characters of the last parts that both names have: each part begins after a dot, or where the name does. */
function commonEnding(name: string, nameB: string): number {
  const shorter = Math.min(name.length, nameB.length)
  let whole = 0
  for (let length = 0; ; length++) {
    const [x, y] = [name[name.length - 1 - length] ?? '.', nameB[nameB.length - 1 - length] ?? '.']
    if (x === '.' && y === '.') whole = length
    if (x !== y || length >= shorter) return whole
  }
}
