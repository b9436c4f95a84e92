import type { DiffReport, DiffRow } from './schemas'

const MEASURES = ['changed', 'maxAbs', 'meanAbs', 'rms', 'relL2', 'cosine'] as const
const BEFORE = ['name', 'nameB', 'status', 'match', 'anatomy', 'shapeA', 'shapeB', 'dtypeA', 'dtypeB', 'count'] as const
const AFTER = ['beyond', 'becameNan', 'wasNan', 'maxUlp', 'note', 'reading'] as const

type Cell = string | number | null | undefined

/**
 * A comparison as one table for a spreadsheet, the head first: a line for each tensor, then one for each fact of the training state,
 * told apart by `part` (`tensor`, `state`). A fact has its name, a status as a tensor has, and its values in `a` and `b`. Columns are only
 * ever added at the end.
 */
export function* diffTable({ tensors, state }: Pick<DiffReport, 'tensors' | 'state'>): Generator<readonly Cell[]> {
  const head = [...BEFORE, ...MEASURES, ...AFTER]
  yield [...head, 'part', 'a', 'b']
  for (const row of tensors) yield [...head.map((column) => cellOf(row[column])), 'tensor', undefined, undefined]
  for (const { what, a, b, same } of state) {
    const status = same ? 'same' : isNone(a) ? 'onlyB' : isNone(b) ? 'onlyA' : 'changed'
    const told = { name: what, status }
    yield [
      ...head.map((column) => (column in told ? told[column as keyof typeof told] : undefined)),
      'state',
      fact(a),
      fact(b),
    ]
  }
}

const OF_MODULE = ['name', 'tensors', 'differing', 'count', 'changed', 'maxAbs', 'rms'] as const

/** The roll-up as a table, the head first; the name of the whole model is empty. */
export function moduleTable(modules: NonNullable<DiffReport['modules']>): (readonly Cell[])[] {
  return [OF_MODULE, ...modules.map((row) => OF_MODULE.map((column) => row[column]))]
}

function cellOf(value: DiffRow[keyof DiffRow]): Cell {
  return Array.isArray(value) ? value.join('x') : value
}

function isNone(value: unknown): boolean {
  return value === null || value === undefined
}

/** Numbers and texts as they are, what is made of several as JSON. */
function fact(value: unknown): Cell {
  if (isNone(value)) return undefined
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value)
}
