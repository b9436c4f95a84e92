type Cell = string | number | null | undefined

/** Characters of a piece, about. */
const PIECE = 2 ** 16

/** Rows as CSV (RFC 4180, lines ended as elsewhere on a terminal), in pieces. */
export function* csvPieces(rows: Iterable<readonly Cell[]>): Generator<string> {
  let piece = ''
  for (const row of rows) {
    piece += `${row.map((cell) => csvCell(cell ?? '')).join(',')}\n`
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  yield piece
}

/** Quoted where it must be; what a spreadsheet would take for a formula is led by an apostrophe. */
function csvCell(value: string | number): string {
  if (typeof value === 'number') return String(value)
  const inert = /^[=+\-@\t\r]/.test(value) && Number.isNaN(Number(value)) ? `'${value}` : value
  return /[",\n\r]/.test(inert) ? `"${inert.replace(/"/g, '""')}"` : inert
}
