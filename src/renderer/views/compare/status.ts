import type { DiffReport, DiffRow } from '../../api/compare'
import type { Tone } from '../../ui/tag'

export type DiffStatus = DiffRow['status']

export const STATUS: Record<DiffStatus, { word: string; tone: Tone; means: string }> = {
  changed: { word: 'changed', tone: 'accent', means: 'The same tensor with other values' },
  shape: { word: 'other shape', tone: 'bad', means: 'The shapes differ' },
  dtype: { word: 'other dtype', tone: 'warn', means: 'The dtypes differ' },
  onlyA: { word: 'only left', tone: 'warn', means: 'Not in the right one' },
  onlyB: { word: 'only right', tone: 'good', means: 'Not in the left one' },
  same: { word: 'same', tone: 'neutral', means: 'Bit for bit the same values' },
}

export const STATUSES = Object.keys(STATUS) as readonly DiffStatus[]

/** Rows of the statuses asked for; none asked for: everything that differs. */
export function differing(report: DiffReport, asked: ReadonlySet<DiffStatus>): DiffRow[] {
  return report.tensors.filter(({ status }) => (asked.size === 0 ? status !== 'same' : asked.has(status)))
}
