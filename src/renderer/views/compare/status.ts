import type { DiffReport, DiffRow } from '../../api/compare'
import { formatShape } from '../../ui/format'
import type { Tone } from '../../ui/tag'

export type DiffStatus = DiffRow['status']

export const STATUS: Record<DiffStatus, { word: string; tone: Tone; means: string }> = {
  changed: { word: 'changed', tone: 'accent', means: 'The same tensor with other values' },
  unread: { word: 'not read', tone: 'bad', means: 'Its values cannot be read: nobody knows whether they changed' },
  shape: { word: 'other shape', tone: 'bad', means: 'The shapes differ' },
  dtype: { word: 'other dtype', tone: 'warn', means: 'The dtypes differ' },
  onlyA: { word: 'only left', tone: 'warn', means: 'Not in the right one' },
  onlyB: { word: 'only right', tone: 'good', means: 'Not in the left one' },
  same: { word: 'same', tone: 'neutral', means: 'Bit for bit the same values' },
}

/** Found under another name, whatever its status. */
export const RENAMED = { word: 'renamed', tone: 'accent', means: 'Found under another name' } as const

/** What the rows can be narrowed to. */
export type DiffKind = DiffStatus | 'moved'

export const STATUSES = Object.keys(STATUS) as readonly DiffStatus[]

/** The shape, or both where they differ. */
export function shapesText({ shapeA, shapeB }: DiffRow): string {
  const [left, right] = [shapeA && formatShape(shapeA), shapeB && formatShape(shapeB)]
  return left !== undefined && right !== undefined && left !== right ? `${left} → ${right}` : (left ?? right ?? '')
}

/** The dtype, or both where they differ. */
export function dtypesText({ dtypeA, dtypeB }: DiffRow): string {
  return dtypeA && dtypeB && dtypeA !== dtypeB ? `${dtypeA} → ${dtypeB}` : (dtypeA ?? dtypeB ?? '')
}

/** Whether there is anything to tell of a row: the same values under another name are a difference too. */
export function isDifferent({ status, match }: DiffRow): boolean {
  return status !== 'same' || match !== undefined
}

/** Rows of the kinds asked for; none asked for: everything that differs. */
export function differing(report: DiffReport, asked: ReadonlySet<DiffKind>): DiffRow[] {
  if (asked.size === 0) return report.tensors.filter(isDifferent)
  return report.tensors.filter(({ status, match }) => asked.has(status) || (asked.has('moved') && match !== undefined))
}
