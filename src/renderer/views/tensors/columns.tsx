import { type ColumnDef, createColumnHelper } from '@tanstack/react-table'
import type { Statistics, TensorRow } from '../../../contract/schemas'
import { useStatistic } from '../../api/statistics'
import { formatBytes, formatCount, formatShape, formatValue } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { useCheckpoint } from '../../workspace/hooks'
import { FlagTags } from '../shared/flag-tag'
import classes from './columns.module.css'

const column = createColumnHelper<TensorRow>()

/** A number of a row's statistics; a dot until it has come. */
function Measure({ row, pick }: { row: TensorRow; pick: (statistics: Statistics) => string }) {
  const statistics = useStatistic(useCheckpoint().id, row.index)
  return statistics ? pick(statistics) : '·'
}

function measure(id: string, header: string, pick: (statistics: Statistics) => string): ColumnDef<TensorRow, unknown> {
  return column.display({
    id,
    header,
    size: 86,
    meta: { numeric: true, sortable: true },
    cell: ({ row }) => <Measure row={row.original} pick={pick} />,
  })
}

/** The table's columns in their order. What sorts, sort.ts sorts. */
export const COLUMNS: ColumnDef<TensorRow, unknown>[] = [
  column.display({
    id: 'name',
    header: 'Name',
    size: 230,
    enableHiding: false,
    meta: { sortable: true, title: (row) => visible(row.label === undefined ? row.name : `${row.name}\n${row.label}`) },
    cell: ({ row }) => (
      <span className={classes.name}>
        <SafeText>{row.original.name}</SafeText>
      </span>
    ),
  }),
  column.display({
    id: 'flags',
    header: 'Flags',
    size: 132,
    meta: { sortable: true },
    cell: ({ row }) => <FlagTags flags={row.original.flags} />,
  }),
  column.display({
    id: 'shape',
    header: 'Shape',
    size: 110,
    meta: { numeric: true, sortable: true },
    cell: ({ row }) => formatShape(row.original.shape),
  }),
  column.display({
    id: 'dtype',
    header: 'Dtype',
    size: 84,
    meta: { sortable: true, title: (row) => row.dtype },
    cell: ({ row }) => row.original.dtype,
  }),
  column.display({
    id: 'bytes',
    header: 'Bytes',
    size: 74,
    meta: { numeric: true, sortable: true },
    cell: ({ row }) => formatBytes(row.original.bytes),
  }),
  measure('min', 'Min', ({ min }) => formatValue(min)),
  measure('max', 'Max', ({ max }) => formatValue(max)),
  measure('mean', 'Mean', ({ mean }) => formatValue(mean)),
  measure('std', 'Std', ({ std }) => formatValue(std)),
  measure('nan', 'NaN', ({ nan }) => formatCount(nan)),
  column.display({
    id: 'component',
    header: 'Component',
    size: 92,
    meta: { sortable: true },
    cell: ({ row }) => row.original.component,
  }),
  column.display({
    id: 'file',
    header: 'File',
    size: 190,
    meta: { sortable: true },
    cell: ({ row }) => <SafeText>{row.original.file}</SafeText>,
  }),
]
