import type { DiffRow } from './row'

/** All tensors below one module, itself included; its name is empty for the whole model. */
export interface ModuleRow {
  readonly name: string
  readonly tensors: number
  /** Those of them that differ in whatever way, or cannot be read. */
  readonly differing: number
  /** Values that were compared, and those that differ. */
  readonly count: number
  readonly changed: number
  readonly maxAbs: number
  readonly rms: number
}

/** A model has thousands of modules; names of more than these are made up. */
const MOST_MODULES = 20_000

/** Rolls the rows up along the dots of their names: the whole model first, then every module before those inside it. */
export function modulesOf(rows: readonly DiffRow[]): ModuleRow[] {
  const modules = new Map<string, Sum>([['', newSum()]])
  for (const row of rows) {
    add(modules.get('') as Sum, row)
    for (let dot = row.name.indexOf('.'); dot > 0; dot = row.name.indexOf('.', dot + 1)) {
      const name = row.name.slice(0, dot)
      let sum = modules.get(name)
      if (!sum) {
        if (modules.size >= MOST_MODULES) break
        sum = newSum()
        modules.set(name, sum)
      }
      add(sum, row)
    }
  }
  return [...modules].map(([name, { squares, compared, ...sum }]) => ({
    name,
    ...sum,
    rms: compared === 0 ? 0 : Math.sqrt(squares / compared),
  }))
}

interface Sum {
  tensors: number
  differing: number
  count: number
  changed: number
  maxAbs: number
  squares: number
  compared: number
}

function newSum(): Sum {
  return { tensors: 0, differing: 0, count: 0, changed: 0, maxAbs: 0, squares: 0, compared: 0 }
}

function add(sum: Sum, { status, count = 0, changed, maxAbs, rms }: DiffRow): void {
  sum.tensors++
  if (status !== 'same') sum.differing++
  if (changed === null) return
  sum.count += count
  sum.changed += changed
  sum.maxAbs = Math.max(sum.maxAbs, maxAbs ?? 0)
  sum.squares += (rms ?? 0) ** 2 * count
  sum.compared += count
}
