import { saveFile } from './save'

/**
 * Rows as CSV (RFC 4180). A text that a spreadsheet would take for a formula gets a quote before it, because names come from files.
 */
export function toCsv(rows: readonly (readonly (string | number | null | undefined)[])[]): string {
  return rows.map((row) => row.map(cell).join(',')).join('\r\n')
}

function cell(value: string | number | null | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number') return String(value)
  const inert = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(inert) ? `"${inert.replaceAll('"', '""')}"` : inert
}

/** Hands a table to the user as a file to keep. */
export function saveCsv(name: string, rows: Parameters<typeof toCsv>[0]): void {
  saveFile(name, new Blob([toCsv(rows)], { type: 'text/csv' }))
}
