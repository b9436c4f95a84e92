import { type ByteSource, readBytes } from '../../bytes/source'
import { AssayError } from '../../errors'
import type { Contents } from './contents'
import { Series } from './series'

/** Largest log that is read. */
const LARGEST = 256 << 20

const STEPS = ['step', 'global_step', 'steps', 'iteration', 'iter']

/** Whether a text begins as a log of metrics: a row of names with `step` or `epoch` among them, then rows of numbers. */
export function isMetricsCsv(text: string): boolean {
  const [header, row] = text.split(/\r?\n/, 2)
  const names = namesOf(header ?? '')
  if (names.length < 2 || row === undefined || !names.some((name) => name === 'epoch' || STEPS.includes(name)))
    return false
  const cells = row.split(',')
  return cells.length === names.length && cells.every((cell) => cell === '' || numberIn(cell) !== undefined)
}

/**
 * A table of metrics as Lightning's CSVLogger (pytorch-lightning 2.6) and Keras write it: a row of names, then a row for each
 * time something was logged, cells empty where it was something else. Throws `file/resource-bomb` beyond 256 MiB.
 */
export async function readMetricsCsv(source: ByteSource, file: string): Promise<Contents> {
  if (source.size > LARGEST) {
    throw new AssayError('file/resource-bomb', `${file} has ${source.size} bytes, too many for a log`, { file })
  }
  const text = new TextDecoder().decode(await readBytes(source, 0, source.size))
  const [header = '', ...rows] = text.split(/\r?\n/)
  const names = namesOf(header)
  const byStep = names.findIndex((name) => STEPS.includes(name))
  const unit = byStep >= 0 ? 'steps' : 'epochs'
  const place = byStep >= 0 ? byStep : names.indexOf('epoch')
  const series = new Series()
  for (const row of rows) {
    const cells = row.split(',')
    const at = numberIn(cells[place] ?? '')
    if (at === undefined || !Number.isFinite(at)) continue
    names.forEach((name, i) => {
      const value = i === place || name === 'epoch' ? undefined : numberIn(cells[i] ?? '')
      if (value !== undefined) series.add(name, at, value)
    })
  }
  const value = series.record(unit)
  return { tensors: [], sections: [], globals: [], records: [{ file, component: 'trainer', value }], findings: [] }
}

function namesOf(header: string): string[] {
  return header.split(',').map((name) => name.trim().replace(/^"(.*)"$/, '$1'))
}

/** The number in a cell, NaN and infinities as Python and C write them; undefined for anything else. */
function numberIn(cell: string): number | undefined {
  const text = cell.trim().toLowerCase()
  if (/^[+-]?nan$/.test(text)) return Number.NaN
  if (/^[+-]?inf(inity)?$/.test(text)) return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY
  return text === '' || Number.isNaN(Number(text)) ? undefined : Number(text)
}
