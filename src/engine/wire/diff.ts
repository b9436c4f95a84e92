import type { DiffReport, DiffRow } from '../../contract/schemas'
import type * as core from '../../core/diff/diff'
import type * as rows from '../../core/diff/row'
import { jsonNumber, jsonOf, numberOrNull } from './json'

/** `tensors`: the rows of the report, as `wireRow` made them. */
export function wireDiff(
  { a, b, identical, summary, state, conclusions, modules }: Omit<core.DiffReport, 'tensors'>,
  tensors: DiffRow[],
): DiffReport {
  return {
    a,
    b,
    identical,
    summary: { ...summary },
    tensors,
    state: state.map(({ what, a, b, same }) => ({ what, a: jsonOf(a), b: jsonOf(b), same })),
    conclusions: conclusions.map(({ kind, text, tensors }) => ({ kind, text, tensors: [...tensors] })),
    modules: modules.map(({ maxAbs, rms, ...sums }) => ({ ...sums, maxAbs: jsonNumber(maxAbs), rms: jsonNumber(rms) })),
  }
}

export function wireRow(row: rows.DiffRow): DiffRow {
  const { shapeA, shapeB, maxAbs, meanAbs, rms, relL2, cosine } = row
  const sum = (maxAbs ?? 0) + (meanAbs ?? 0) + (rms ?? 0) + (relL2 ?? 0) + (cosine ?? 0)
  // Nearly all are as JSON has them: 100,000 copies would cost more than the comparison.
  if (Number.isFinite(sum)) return row as DiffRow
  return {
    ...row,
    shapeA: shapeA && [...shapeA],
    shapeB: shapeB && [...shapeB],
    maxAbs: numberOrNull(maxAbs),
    meanAbs: numberOrNull(meanAbs),
    rms: numberOrNull(rms),
    relL2: numberOrNull(relL2),
    cosine: numberOrNull(cosine),
  }
}
