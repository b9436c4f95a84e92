import { useHotkeys } from '@mantine/hooks'
import { IconCircleCheck } from '@tabler/icons-react'
import { useMemo, useState } from 'react'
import { diffTable } from '../../../contract/diff-table'
import type { DiffReport, DiffRow, Sides } from '../../api/compare'
import { saveCsv } from '../../ui/csv'
import { DataGrid, type Sorting } from '../../ui/data-grid'
import { Empty } from '../../ui/empty'
import { formatCount } from '../../ui/format'
import { SidePane } from '../../ui/side-pane'
import { matcherOf } from '../tensors/search'
import { COLUMNS } from './columns'
import classes from './compare-view.module.css'
import { type Conclusion, Conclusions } from './conclusions'
import { DifferencePane } from './difference-pane'
import { LayerStrip } from './layer-strip'
import { isIn, layersOf } from './modules'
import { ModulesPane } from './modules-pane'
import { ReportBar } from './report-bar'
import { sortDiff } from './sort'
import { StateDifferences } from './state-differences'
import { type DiffKind, differing, isDifferent, STATUSES } from './status'
import { Summary } from './summary'

interface ReportProps {
  report: DiffReport
  sides: Sides
  /** More rows are coming. */
  growing: boolean
}

const NONE: ReadonlySet<DiffKind> = new Set()

/** Counts first, then what they count; by module on the left, one tensor in full on the right. */
export function Report({ report, sides, growing }: ReportProps) {
  const { modules = [] } = report
  const [asked, setAsked] = useState<ReadonlySet<DiffKind>>(new Set())
  const [text, setText] = useState('')
  const [sorting, setSorting] = useState<Sorting | null>(null)
  const [scope, setScope] = useState<string | null>(null)
  const [conclusion, setConclusion] = useState<Conclusion | null>(null)
  const [chosenName, setChosenName] = useState<string | null>(null)
  const rows = useMemo(() => {
    const { matches } = matcherOf(text)
    const named = conclusion && new Set(conclusion.tensors)
    const kinds = named ? report.tensors.filter(({ name }) => named.has(name)) : differing(report, asked)
    const found = kinds.filter((row) => isIn(row.name, scope ?? '') && matches(row.name))
    return sortDiff(found, sorting)
  }, [report, asked, conclusion, scope, text, sorting])
  const columns = useMemo(() => ({ maxUlp: report.tensors.some(({ maxUlp }) => maxUlp !== undefined) }), [report])
  const layers = useMemo(() => layersOf(modules), [modules])
  const at = chosenName === null ? -1 : rows.findIndex((row) => row.name === chosenName)
  const chosen = rows[at]

  const step = (by: 1 | -1) => {
    let next = at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by
    let row = rows[next]
    while (row && !isDifferent(row)) {
      next += by
      row = rows[next]
    }
    if (row) setChosenName(row.name)
  }
  useHotkeys([
    ['.', () => step(1)],
    [',', () => step(-1)],
  ])
  const ask = (kinds: ReadonlySet<DiffKind>) => {
    setAsked(kinds)
    setConclusion(null)
  }
  const toggle = (kind: DiffKind) => {
    const next = new Set(conclusion ? NONE : asked)
    if (!next.delete(kind)) next.add(kind)
    ask(next)
  }
  const showsAll = conclusion === null && STATUSES.every((status) => asked.has(status))

  return (
    <>
      <div className={classes.summary}>
        <p className={classes.lead} data-testid="compare-verdict">
          {report.identical ? (
            <>
              <IconCircleCheck size={16} aria-hidden /> Identical: every tensor and value
              {report.state.length > 0 && ', and the training state'}.
            </>
          ) : (
            leadOf(report, growing)
          )}
        </p>
        <Summary summary={report.summary} asked={conclusion ? NONE : asked} onToggle={toggle} />
        <Conclusions conclusions={report.conclusions ?? []} chosen={conclusion} onChoose={setConclusion} />
        {layers.some(({ rms }) => rms !== 0) && <LayerStrip layers={layers} scope={scope} onScope={setScope} />}
      </div>
      <StateDifferences state={report.state} />
      <div className={classes.panes}>
        {modules.length > 1 && (showsAll || growing || modules.some(({ differing }) => differing > 0)) && (
          <SidePane side="left" label="Modules" storageKey="assay-diff-tree-width" initial={210} min={140} max={480}>
            <ModulesPane modules={modules} differingOnly={!showsAll} scope={scope} onScope={setScope} />
          </SidePane>
        )}
        <div className={classes.rows}>
          <ReportBar
            text={text}
            onText={setText}
            shown={rows.length}
            total={report.tensors.length}
            scope={scope}
            onLeaveScope={() => setScope(null)}
            showsAll={showsAll}
            onShowAll={() => ask(showsAll ? new Set() : new Set(STATUSES))}
            onStep={step}
            onSave={() => saveCsv('differences.csv', [...diffTable({ tensors: [...rows], state: report.state })])}
          />
          {rows.length === 0 ? (
            <Empty icon={<IconCircleCheck size={24} />} title={growing ? 'No difference so far' : 'No tensor differs'}>
              {report.summary.same > 0 && `${formatCount(report.summary.same)} are the same.`}
            </Empty>
          ) : (
            <DataGrid
              label="Differences"
              rows={rows}
              columns={COLUMNS}
              hidden={columns}
              idOf={(row) => row.name}
              attributesOf={(row) => ({ 'data-testid': 'diff-row', 'data-status': row.status, 'data-name': row.name })}
              chosen={at}
              onChoose={(row: DiffRow) => setChosenName(row.name)}
              sorting={sorting}
              onSort={setSorting}
            />
          )}
        </div>
        {chosen && !growing && (
          <SidePane side="right" label="Difference" storageKey="assay-diff-width" initial={320} min={240} max={640}>
            <DifferencePane key={chosen.name} row={chosen} sides={sides} onClose={() => setChosenName(null)} />
          </SidePane>
        )}
      </div>
    </>
  )
}

function leadOf({ summary, tensors, state }: DiffReport, growing: boolean): string {
  const { same, unread } = summary
  const different = tensors.length - same - unread
  if (growing) return `${formatCount(different)} of ${formatCount(tensors.length)} tensors differ so far.`
  const states = state.filter((entry) => !entry.same).length
  const { moved = 0 } = summary
  const ofTensors =
    same === tensors.length
      ? `Every tensor is the same${moved > 0 ? `, ${formatCount(moved)} under another name` : ''}`
      : `${formatCount(different)} of ${formatCount(tensors.length)} tensors differ${unread > 0 ? `, ${formatCount(unread)} cannot be read` : ''}`
  if (state.length === 0) return `${ofTensors}.`
  if (states === 0) return `${ofTensors}; the training state is the same.`
  return different === 0 || unread > 0
    ? `${ofTensors}; the training state differs.`
    : `${ofTensors}, and so does the training state.`
}
