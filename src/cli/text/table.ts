export type Align = 'left' | 'right'

/** Columns are padded for cells of up to so many characters; a longer one moves the rest of its own line alone. */
const WIDEST = 80

/** Characters of a piece, about. */
const PIECE = 2 ** 16

interface TableOptions {
  readonly indent?: string
  readonly align?: readonly Align[]
  readonly paint?: (cell: string, column: number, row: number) => string
}

/**
 * Rows in aligned columns, two spaces apart, each line after `indent`. Cells must be `safe` already; `paint` may colour a cell
 * after it has been padded, so that colours do not count as width.
 */
export function table(rows: Iterable<readonly string[]>, options: TableOptions = {}): string {
  return [...tablePieces(rows, options)].join('')
}

/** The same in pieces, for more rows than should be held as text. They are gone through twice. */
export function* tablePieces(rows: Iterable<readonly string[]>, options: TableOptions = {}): Generator<string> {
  const { indent = '', align = [], paint = (cell) => cell } = options
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      if (cell.length <= WIDEST) widths[i] = Math.max(widths[i] ?? 0, cell.length)
    }
  }
  let [at, piece] = [0, '']
  for (const row of rows) {
    const cells = row.map((cell, i) => {
      const width = widths[i] ?? 0
      const last = i === row.length - 1 && align[i] !== 'right'
      const padded = last ? cell : align[i] === 'right' ? cell.padStart(width) : cell.padEnd(width)
      return paint(padded, i, at)
    })
    piece += `${`${indent}${cells.join('  ')}`.trimEnd()}\n`
    at++
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  yield piece
}
