import type { DiffRow } from '../../api/compare'

const HEAD = [
  'name',
  'name right',
  'status',
  'shape left',
  'shape right',
  'dtype left',
  'dtype right',
  'changed',
  'max',
  'mean',
  'rms',
  'relative L2',
  'cosine',
]

/** The rows of a comparison as a table, the head first. */
export function csvOf(rows: readonly DiffRow[]) {
  return [
    HEAD,
    ...rows.map((row) => [
      row.name,
      row.nameB,
      row.status,
      row.shapeA?.join('x'),
      row.shapeB?.join('x'),
      row.dtypeA,
      row.dtypeB,
      row.changed,
      row.maxAbs,
      row.meanAbs,
      row.rms,
      row.relL2,
      row.cosine,
    ]),
  ]
}
