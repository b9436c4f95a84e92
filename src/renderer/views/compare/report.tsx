import { Button, TextInput } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { IconCircleCheck, IconDownload, IconSearch } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import type { DiffReport, DiffRow } from '../../api/compare'
import { saveCsv } from '../../ui/csv'
import { DataGrid, type Sorting } from '../../ui/data-grid'
import { Empty } from '../../ui/empty'
import { formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { Keys } from '../../ui/keys'
import { matcherOf } from '../tensors/search'
import { COLUMNS } from './columns'
import classes from './compare-view.module.css'
import { sortDiff } from './sort'
import { StateDifferences } from './state-differences'
import { type DiffStatus, differing, STATUSES } from './status'
import { Summary } from './summary'

/** Counts first, then what they count. */
export function Report({ report }: { report: DiffReport }) {
  const [asked, setAsked] = useState<ReadonlySet<DiffStatus>>(new Set())
  const [text, setText] = useState('')
  const [sorting, setSorting] = useState<Sorting | null>(null)
  const [chosen, setChosen] = useState<DiffRow | null>(null)
  const rows = useMemo(() => {
    const { matches } = matcherOf(text)
    return sortDiff(
      differing(report, asked).filter((row) => matches(row.name)),
      sorting,
    )
  }, [report, asked, text, sorting])
  const at = chosen ? rows.indexOf(chosen) : -1

  const step = (by: 1 | -1) => {
    let next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by
    while (rows[next]?.status === 'same') next += by
    const row = rows[next]
    if (row) setChosen(row)
  }
  useHotkeys([
    ['.', () => step(1)],
    [',', () => step(-1)],
  ])
  const toggle = (status: DiffStatus) => {
    const next = new Set(asked)
    if (!next.delete(status)) next.add(status)
    setAsked(next)
  }

  return (
    <>
      <div className={classes.summary}>
        <p className={classes.lead} data-testid="compare-verdict">
          {report.identical ? (
            <>
              <IconCircleCheck size={16} aria-hidden /> Identical: every tensor, value and state.
            </>
          ) : (
            leadOf(report)
          )}
        </p>
        <Summary summary={report.summary} asked={asked} onToggle={toggle} />
      </div>
      <StateDifferences state={report.state} />
      <div className={classes.bar}>
        <TextInput
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          placeholder="Find a tensor"
          aria-label="Find a tensor"
          leftSection={<IconSearch size={14} aria-hidden />}
          spellCheck={false}
          w={220}
        />
        <span className={classes.soft} aria-live="polite">
          {formatCount(rows.length)} of {formatCount(report.tensors.length)} tensors
        </span>
        <Button
          size="compact-xs"
          variant="subtle"
          aria-pressed={asked.size === STATUSES.length}
          onClick={() => setAsked(asked.size === STATUSES.length ? new Set() : new Set(STATUSES))}
          data-testid="compare-unchanged"
        >
          {asked.size === STATUSES.length ? 'Hide unchanged' : 'Show unchanged'}
        </Button>
        <span className={classes.hint}>
          <Keys keys="," /> <Keys keys="." /> previous, next difference
        </span>
        <IconAction label="Save the differences as CSV" onClick={() => saveCsv('differences.csv', csvOf(rows))}>
          <IconDownload size={15} />
        </IconAction>
      </div>
      {rows.length === 0 ? (
        <Empty icon={<IconCircleCheck size={24} />} title="No tensor differs">
          {report.summary.same > 0 && `${formatCount(report.summary.same)} are bit for bit the same.`}
        </Empty>
      ) : (
        <DataGrid
          label="Differences"
          rows={rows}
          columns={COLUMNS}
          idOf={(row) => row.name}
          attributesOf={(row) => ({ 'data-testid': 'diff-row', 'data-status': row.status, 'data-name': row.name })}
          chosen={at}
          onChoose={setChosen}
          sorting={sorting}
          onSort={setSorting}
        />
      )}
    </>
  )
}

function leadOf({ summary, tensors, state }: DiffReport): string {
  const different = tensors.length - summary.same
  const states = state.filter((entry) => !entry.same).length
  const ofTensors =
    different === 0
      ? 'Every tensor is the same'
      : `${formatCount(different)} of ${formatCount(tensors.length)} tensors differ`
  return states === 0
    ? `${ofTensors}; the training state is the same.`
    : `${ofTensors}, and so does the training state.`
}

function csvOf(rows: readonly DiffRow[]) {
  return [
    [
      'name',
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
    ],
    ...rows.map((row) => [
      row.name,
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
