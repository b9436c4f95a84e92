import { type ColumnDef, createColumnHelper } from '@tanstack/react-table'
import type { DiffRow } from '../../api/compare'
import { formatCount, formatPercent, formatValue, type JsonNumber } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Tag } from '../../ui/tag'
import classes from './compare-view.module.css'
import { dtypesText, STATUS, shapesText } from './status'

const column = createColumnHelper<DiffRow>()

function metric(id: 'maxAbs' | 'meanAbs' | 'rms' | 'relL2' | 'cosine', header: string): ColumnDef<DiffRow, unknown> {
  return column.display({
    id,
    header,
    size: id === 'cosine' ? 96 : 86,
    meta: { numeric: true, sortable: true },
    cell: ({ row }) => formatCosine(id, row.original[id]),
  })
}

/** Cosines of neighbouring checkpoints differ in the sixth digit. */
function formatCosine(id: string, value: JsonNumber | null): string {
  return formatValue(value, id === 'cosine' ? 7 : 4)
}

export const COLUMNS: ColumnDef<DiffRow, unknown>[] = [
  column.display({
    id: 'name',
    header: 'Name',
    size: 210,
    meta: { sortable: true, title: (row) => visible(row.name) },
    cell: ({ row }) => (
      <span className={classes.name}>
        <SafeText>{row.original.name}</SafeText>
      </span>
    ),
  }),
  column.display({
    id: 'status',
    header: 'Difference',
    size: 128,
    meta: { sortable: true },
    cell: ({ row }) => {
      const { anatomy } = row.original
      const { word, tone } = STATUS[row.original.status]
      return (
        <>
          <Tag tone={tone}>{word}</Tag> {anatomy === 'sparse' && <span className={classes.soft}>{anatomy}</span>}
        </>
      )
    },
  }),
  column.display({
    id: 'changed',
    header: 'Values changed',
    size: 132,
    meta: { numeric: true, sortable: true },
    cell: ({ row: { original } }) =>
      original.changed === null ? (
        '–'
      ) : (
        <>
          {formatCount(original.changed)}{' '}
          {original.count !== undefined && original.changed > 0 && (
            <span className={classes.soft}>{formatPercent(original.changed, original.count)}</span>
          )}
        </>
      ),
  }),
  metric('maxAbs', 'Max'),
  metric('meanAbs', 'Mean'),
  metric('rms', 'RMS'),
  metric('relL2', 'Relative L2'),
  metric('cosine', 'Cosine'),
  column.display({
    id: 'maxUlp',
    header: 'Max ULP',
    size: 86,
    meta: { numeric: true, sortable: true },
    cell: ({ row: { original } }) => (original.maxUlp === undefined ? '–' : formatValue(original.maxUlp)),
  }),
  column.display({
    id: 'what',
    header: 'Shape, dtype',
    size: 190,
    meta: { title: ({ nameB }) => (nameB === undefined ? '' : `On the right: ${visible(nameB)}`) },
    cell: ({ row }) => <What row={row.original} />,
  }),
]

const READ = { flat: 'flattened', transposed: 'transposed' } as const

function What({ row }: { row: DiffRow }) {
  const { reading, nameB } = row
  const [shapes, dtypes] = [shapesText(row), dtypesText(row)]
  return (
    <>
      {shapes} <span className={classes.soft}>{dtypes}</span>
      {reading !== undefined && <span className={classes.soft}> {READ[reading]}</span>}
      {nameB !== undefined && (
        <span className={classes.soft}>
          {' → '}
          <SafeText>{nameB}</SafeText>
        </span>
      )}
    </>
  )
}
