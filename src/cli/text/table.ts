export type Align = 'left' | 'right'

/** Columns are padded for cells of up to so many characters; a longer one moves the rest of its own line alone. */
const WIDEST = 80

/**
 * Rows in aligned columns, two spaces apart, each line after `indent`. Cells must be `safe` already; `paint` may colour a cell
 * after it has been padded, so that colours do not count as width.
 */
export function table(
  rows: readonly (readonly string[])[],
  options: {
    readonly indent?: string
    readonly align?: readonly Align[]
    readonly paint?: (cell: string, column: number, row: number) => string
  } = {},
): string {
  const { indent = '', align = [], paint = (cell) => cell } = options
  const widths: number[] = []
  for (const row of rows) {
    for (const [i, cell] of row.entries()) {
      if (cell.length <= WIDEST) widths[i] = Math.max(widths[i] ?? 0, cell.length)
    }
  }
  return rows
    .map((row, at) => {
      const cells = row.map((cell, i) => {
        const width = widths[i] ?? 0
        const last = i === row.length - 1 && align[i] !== 'right'
        const padded = last ? cell : align[i] === 'right' ? cell.padStart(width) : cell.padEnd(width)
        return paint(padded, i, at)
      })
      return `${`${indent}${cells.join('  ')}`.trimEnd()}\n`
    })
    .join('')
}
