import type { ColumnDef } from '@tanstack/react-table'
import { useMemo, useState } from 'react'
import type { TensorRow } from '../../../contract/schemas'
import { useStatistic, useStatisticsOf } from '../../api/statistics'
import { useTensorRows } from '../../api/tensors'
import { DataGrid, type Sorting } from '../../ui/data-grid'
import { formatCount, formatNumber, formatValue, plural } from '../../ui/format'
import { SafeText, visible } from '../../ui/safe-text'
import { Section } from '../../ui/section'
import { Tag } from '../../ui/tag'
import { useCheckpoint } from '../../workspace/hooks'
import { sortNaturally } from '../tensors/natural'
import { isUntouched, nameOf, namingOf, type Optimizer, type ParameterState, slotsOf, troubleOf } from './moments'
import classes from './parameter-table.module.css'

const ROW = 28
const MOST_SHOWN = 12

/** What the optimizer keeps of each parameter, by name: how large, and whether it was ever updated. */
export function ParameterTable({ optimizer }: { optimizer: Optimizer }) {
  const { file, states, groups, naming } = optimizer
  const [sorting, setSorting] = useState<Sorting | null>(null)
  const [chosen, setChosen] = useState<ParameterState | null>(null)
  const slots = useMemo(() => slotsOf(states), [states])
  const columns = useMemo(() => columnsOf(slots), [slots])
  const shown = useMemo(() => sorted(states, sorting), [states, sorting])
  const total = groups.reduce((sum, { count }) => sum + count, 0)
  const untouched = states.filter(isUntouched).length
  if (states.length === 0) return null
  return (
    <Section title="Optimizer by parameter" note={<SafeText>{file}</SafeText>} testId="optimizer-parameters">
      <p className={classes.soft}>
        {slots.length === 0
          ? `${optimizer.kind ?? 'This optimizer'} keeps nothing of its parameters.`
          : untouched === 0
            ? `All ${plural(states.length, 'parameter')} have been updated.`
            : `${plural(untouched, 'parameter')} of ${formatCount(states.length)} never updated: frozen, or reached by no loss.`}{' '}
        {namingOf(naming)}
        {total > states.length && ` The first ${formatCount(states.length)} of ${formatCount(total)}.`}
      </p>
      <div className={classes.table} style={{ height: (Math.min(states.length, MOST_SHOWN) + 1) * ROW + 12 }}>
        <DataGrid
          label={`Parameters of ${visible(file)}`}
          rows={shown}
          columns={columns}
          idOf={(state) => `${typeof state.key} ${state.key}`}
          attributesOf={(state) => ({ 'data-testid': 'optimizer-parameter', 'data-name': nameOf(state) })}
          chosen={chosen ? shown.indexOf(chosen) : -1}
          onChoose={setChosen}
          sorting={sorting}
          onSort={setSorting}
          Watcher={Watcher}
        />
      </div>
    </Section>
  )
}

/** Reads the statistics of the states in sight. */
function Watcher({ rows }: { rows: readonly ParameterState[] }) {
  const checkpoint = useCheckpoint()
  const { rows: tensors } = useTensorRows(checkpoint)
  const byIndex = useMemo(() => new Map(tensors.map((row) => [row.index, row])), [tensors])
  const wanted: TensorRow[] = rows.flatMap((state) => state.tensors.flatMap(({ index }) => byIndex.get(index) ?? []))
  useStatisticsOf(checkpoint.id, wanted)
  return null
}

function columnsOf(slots: readonly string[]): ColumnDef<ParameterState, unknown>[] {
  return [
    {
      id: 'name',
      header: 'Parameter',
      size: 260,
      meta: { sortable: true, title: (state) => visible(nameOf(state)) },
      cell: ({ row }) => (
        <span className={classes.name}>
          <SafeText>{nameOf(row.original)}</SafeText>
        </span>
      ),
    },
    {
      id: 'group',
      header: 'Group',
      size: 66,
      meta: { numeric: true, sortable: true },
      cell: ({ row }) => row.original.group,
    },
    {
      id: 'step',
      header: 'Steps',
      size: 74,
      meta: { numeric: true },
      cell: ({ row }) => <Steps state={row.original} />,
    },
    ...slots.map(
      (slot): ColumnDef<ParameterState, unknown> => ({
        id: `slot ${slot}`,
        header: `${visible(slot)} L2`,
        size: 124,
        meta: { numeric: true },
        cell: ({ row }) => <Norm index={indexOf(row.original, slot)} />,
      }),
    ),
    {
      id: 'trouble',
      header: 'Flags',
      size: 190,
      cell: ({ row }) => <Flags state={row.original} slots={slots} />,
    },
  ]
}

function indexOf({ tensors }: ParameterState, slot: string): number | undefined {
  return tensors.find((tensor) => tensor.slot === slot)?.index
}

/** The count of its steps, a number of its own or a tensor of one value. */
function Steps({ state }: { state: ParameterState }) {
  const index = indexOf(state, 'step')
  if (index !== undefined) return <OneValue index={index} />
  return formatNumber(state.scalars.step)
}

function OneValue({ index }: { index: number }) {
  const statistics = useStatistic(useCheckpoint().id, index)
  return statistics ? formatNumber(statistics.max) : '·'
}

function Norm({ index }: { index: number | undefined }) {
  return index === undefined ? '–' : <Measured index={index} />
}

function Measured({ index }: { index: number }) {
  const statistics = useStatistic(useCheckpoint().id, index)
  return statistics ? formatValue(statistics.l2) : '·'
}

function Flags({ state, slots }: { state: ParameterState; slots: readonly string[] }) {
  if (slots.length > 0 && isUntouched(state)) {
    return <Tag title="The optimizer keeps nothing of it: frozen, or reached by no loss">never updated</Tag>
  }
  return state.tensors
    .filter(({ slot }) => slots.includes(slot))
    .map(({ slot, index }) => <Trouble key={slot} slot={slot} index={index} />)
}

function Trouble({ slot, index }: { slot: string; index: number }) {
  const statistics = useStatistic(useCheckpoint().id, index)
  const trouble = statistics && troubleOf(slot, statistics)
  return trouble === undefined ? null : <Tag tone="warn">{visible(trouble)}</Tag>
}

function sorted(states: readonly ParameterState[], sorting: Sorting | null): readonly ParameterState[] {
  if (!sorting) return states
  const rising =
    sorting.column === 'name' ? sortNaturally(states, nameOf) : states.toSorted((a, b) => a.group - b.group)
  return sorting.descending ? rising.reverse() : rising
}
