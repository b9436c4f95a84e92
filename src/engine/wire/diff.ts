import type { DiffReport, DiffRow } from '../../contract/schemas'
import type * as core from '../../core/diff/diff'
import type * as rows from '../../core/diff/row'
import { jsonNumber, jsonOf, numberOrNull } from './json'

export function wireDiff({
  a,
  b,
  identical,
  summary,
  tensors,
  state,
  conclusions,
  modules,
}: core.DiffReport): DiffReport {
  return {
    a,
    b,
    identical,
    summary: { ...summary },
    tensors: tensors.map(wireRow),
    state: state.map(({ what, a, b, same }) => ({ what, a: jsonOf(a), b: jsonOf(b), same })),
    conclusions: conclusions.map(({ kind, text, tensors }) => ({ kind, text, tensors: [...tensors] })),
    modules: modules.map(({ maxAbs, rms, ...sums }) => ({ ...sums, maxAbs: jsonNumber(maxAbs), rms: jsonNumber(rms) })),
  }
}

export function wireRow(row: rows.DiffRow): DiffRow {
  const { shapeA, shapeB, maxAbs, meanAbs, rms, relL2, cosine } = row
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
