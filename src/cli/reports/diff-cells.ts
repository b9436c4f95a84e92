import type { DiffReport, DiffRow } from '../../contract/schemas'
import { countText, numberText, shapeText, withoutZeros } from '../text/units'

const SAYS: Record<DiffRow['status'], string> = {
  same: 'the same',
  changed: 'changed',
  unread: 'not read',
  onlyA: 'only in A',
  onlyB: 'only in B',
  shape: 'of another shape',
  dtype: 'of another dtype',
}

/** `3 the same, 1 changed`. */
export function countsOf({ summary }: DiffReport): string {
  const counts = (Object.keys(SAYS) as DiffRow['status'][])
    .filter((status) => summary[status] > 0)
    .map((status) => `${countText(summary[status])} ${SAYS[status]}`)
  if (summary.moved) counts.push(`${countText(summary.moved)} of them under another name`)
  return counts.join(', ') || 'none'
}

/** Whether a list of differences has the row. */
export function isListed({ status, match }: DiffRow): boolean {
  return status !== 'same' || match !== undefined
}

/** The share of values that changed, or what keeps them from being compared. */
export function changeOf({ status, changed, count, shapeA, shapeB, dtypeA, dtypeB }: DiffRow): string {
  const share = changed !== null && count ? shareText(changed, count) : undefined
  if (status === 'shape' && shapeA && shapeB) {
    return [`${shapeText(shapeA)} → ${shapeText(shapeB)}`, share].filter(Boolean).join(', ')
  }
  if (share !== undefined) return share
  if (status === 'dtype') return `${dtypeA} → ${dtypeB}`
  return status === 'unread' ? 'not read' : shapeText(shapeA ?? shapeB ?? [])
}

/** `12.5%`; never 0 of something, never all of less. */
export function shareText(changed: number, count: number): string {
  const share = (changed / count) * 100
  if (changed > 0 && share < 0.05) return '<0.1%'
  if (changed < count && share >= 99.95) return '>99.9%'
  return `${share.toFixed(1)}%`
}

/** The name, and what B calls it. */
export function nameOf({ name, nameB }: DiffRow): string {
  return nameB === undefined ? name : `${name} → ${nameB}`
}

/** Of neighbouring checkpoints it differs from 1 in the sixth digit. */
export function cosineText(cosine: DiffRow['cosine']): string {
  return typeof cosine === 'number' ? withoutZeros(cosine.toFixed(7)) : numberText(cosine)
}

/** A fact of the training state on one line. */
export function short(value: unknown): string {
  if (value === null || value === undefined) return 'none'
  const written = typeof value === 'string' ? value : JSON.stringify(value)
  return written.length > 60 ? `${written.slice(0, 59)}…` : written
}

type ModuleRow = NonNullable<DiffReport['modules']>[number]

export const MODULES_HEAD = ['module', 'differ', 'changed', 'max |d|', 'rms']

/** The roll-up, the whole model first: modules whose names are up to `depth` parts long. */
export function modulesOf({ modules = [] }: DiffReport, depth: number): ModuleRow[] {
  return modules.filter(({ name }) => name === '' || name.split('.').length <= depth)
}

export function moduleCells({ name, tensors, differing, count, changed, maxAbs, rms }: ModuleRow): string[] {
  const differ = `${countText(differing)} of ${countText(tensors)}`
  const share = count > 0 ? shareText(changed, count) : '-'
  return [name === '' ? '(all)' : name, differ, share, numberText(maxAbs), numberText(rms)]
}
