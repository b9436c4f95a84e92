import { Button, TextInput } from '@mantine/core'
import { useHotkeys, useLocalStorage } from '@mantine/hooks'
import { IconDownload, IconSearch } from '@tabler/icons-react'
import type { VisibilityState } from '@tanstack/react-table'
import { useDeferredValue, useMemo, useRef, useState } from 'react'
import type { TensorRow } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import { knownStatistics, measureAll, measuringKey, useStatisticsOf } from '../../api/statistics'
import { useTensorRows } from '../../api/tensors'
import { saveCsv } from '../../ui/csv'
import { DataGrid, type Sorting } from '../../ui/data-grid'
import { Empty } from '../../ui/empty'
import { ErrorPanel } from '../../ui/error-panel'
import { formatBytes, formatCount } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { SidePane } from '../../ui/side-pane'
import { useCheckpoint, useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { ScopeChip } from '../shared/scope-chip'
import { ColumnMenu } from './column-menu'
import { COLUMNS } from './columns'
import { Detail } from './detail'
import { type Facets, filterRows, NO_FACETS } from './filter'
import { FilterMenu } from './filter-menu'
import { ModuleTree } from './module-tree'
import { matcherOf, SEARCH_HELP } from './search'
import { inTreeOrder, isMeasure, sortRows } from './sort'
import classes from './tensors-view.module.css'
import { type Branch, branchAt, isBranch, type Line, leafKey, linesOf, openedAtFirst, treeOf } from './tree'

/** Of so many results nobody reads the tree unfolded. */
const MANY = 5000

const HIDDEN_AT_FIRST: VisibilityState = { component: false, file: false }

/** Every tensor: by module on the left, as a table in the middle, one of them in full on the right. */
export function TensorsView() {
  const checkpoint = useCheckpoint()
  const workspace = useWorkspace()
  const { chosen: chosenKey } = useWorkspaceState()
  const { rows: unordered, complete, problem, retry } = useTensorRows(checkpoint)
  // Once for all searches: what a search leaves keeps the order.
  const rows = useMemo(() => inTreeOrder(unordered), [unordered])

  const [text, setText] = useState('')
  const [facets, setFacets] = useState<Facets>(NO_FACETS)
  const [sorting, setSorting] = useState<Sorting | null>(null)
  const [scope, setScope] = useState<string | null>(null)
  const [opened, setOpened] = useState<ReadonlySet<string> | null>(null)
  const [narrowed, setNarrowed] = useState<{ tree: Branch; opened: ReadonlySet<string> } | null>(null)
  const [columns, setColumns] = useLocalStorage({ key: 'assay-columns', defaultValue: HIDDEN_AT_FIRST })
  const search = useRef<HTMLInputElement>(null)
  const table = useRef<{ focus(): void }>(null)
  useHotkeys([
    ['/', () => search.current?.focus()],
    ['mod+F', () => search.current?.focus()],
  ])

  const sought = useDeferredValue(text)
  const matcher = useMemo(() => matcherOf(sought), [sought])
  const found = useMemo(() => filterRows(rows, matcher, facets), [rows, matcher, facets])
  const tree = useMemo(() => treeOf(found), [found])
  const isSearching = sought.trim() !== '' || facets !== NO_FACETS
  // What a search unfolds is forgotten with it: the tree is then as it was.
  const unfolded = useMemo(() => {
    if (!isSearching) return opened ?? openedAtFirst(tree, 40)
    return narrowed?.tree === tree ? narrowed.opened : openedAtFirst(tree, found.length > MANY ? 40 : 400)
  }, [tree, isSearching, opened, narrowed, found])
  const onOpen = (keys: readonly string[], open: boolean) => {
    const next = withKeys(unfolded, keys, open)
    if (isSearching) setNarrowed({ tree, opened: next })
    else setOpened(next)
  }
  const lines = useMemo(() => linesOf(tree, unfolded), [tree, unfolded])
  const inScope = useMemo(() => (scope === null ? found : (branchAt(tree, scope)?.rows ?? found)), [found, tree, scope])
  const api = useApi()
  const measuring = useJob<number>(measuringKey(checkpoint.id))
  const isMeasuring = measuring?.status === 'running'
  // Sorted by what was read when the last of it came, not with each that comes: rows do not run away under the pointer.
  const known = useMemo(
    () => (isMeasuring ? undefined : knownStatistics(api.client, checkpoint.id)),
    [api, checkpoint.id, isMeasuring],
  )
  const shown = useMemo(() => sortRows(inScope, sorting, known), [inScope, sorting, known])
  const measure = () => measureAll(api, checkpoint.id, shown)
  const onSort = (next: Sorting | null) => {
    setSorting(next)
    if (next && isMeasure(next.column) && !isMeasuring) void measure()
  }

  const chosen = useMemo(
    () => chosenKey && rows.find((row) => row.name === chosenKey.name && row.file === chosenKey.file),
    [rows, chosenKey],
  )
  // What is gone to from elsewhere must be in sight, whatever was filtered here before.
  const [followed, setFollowed] = useState(chosen)
  if (chosen !== followed) {
    setFollowed(chosen)
    if (chosen && !shown.includes(chosen)) {
      setText('')
      setFacets(NO_FACETS)
      setScope(null)
    }
  }

  const onSelect = (line: Line) => {
    if (isBranch(line.node)) setScope(scope === line.node.key ? null : line.node.key)
    else workspace.choose(line.node)
  }

  if (checkpoint.tensorCount === 0) {
    return <Empty title="There are no tensors in this checkpoint">The Overview says what was found instead.</Empty>
  }
  const selected = scope !== null ? scope : chosen ? leafKey(chosen) : null
  return (
    <div className={classes.view}>
      <SidePane side="left" label="Modules" storageKey="assay-tree-width" initial={248} min={160} max={520}>
        <div className={classes.bar}>
          <TextInput
            ref={search}
            value={text}
            onChange={(event) => setText(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') {
                // The first one empties the field, the next one leaves it.
                if (text === '') event.currentTarget.blur()
                else setText('')
              }
              if (event.key === 'Enter') table.current?.focus()
            }}
            placeholder="Words, * ? or /regex/"
            title={SEARCH_HELP}
            aria-label="Find tensors"
            error={matcher.problem !== undefined}
            spellCheck={false}
            leftSection={<IconSearch size={14} aria-hidden />}
            className={classes.search}
            data-testid="tensor-search"
          />
        </div>
        {matcher.problem && (
          <p className={classes.problem} role="alert">
            {matcher.problem}
          </p>
        )}
        {matcher.hint && (
          <p className={classes.hint} role="status">
            {matcher.hint}
          </p>
        )}
        <ModuleTree lines={lines} selected={selected} onSelect={onSelect} onOpen={onOpen} />
      </SidePane>
      <div className={classes.table}>
        <div className={classes.bar}>
          <FilterMenu rows={rows} facets={facets} onChange={setFacets} />
          {scope !== null && <ScopeChip module={scope.replace(/\.$/, '')} onLeave={() => setScope(null)} />}
          <span className={classes.count} aria-live="polite" data-testid="tensor-count">
            {shown.length === checkpoint.tensorCount
              ? `${formatCount(shown.length)} tensors`
              : `${formatCount(shown.length)} of ${formatCount(checkpoint.tensorCount)}`}
            {', '}
            {formatBytes(shown.reduce((sum, row) => sum + row.bytes, 0))}
            {!complete && !problem && ' so far…'}
          </span>
          <Button
            size="compact-xs"
            variant="subtle"
            disabled={isMeasuring || shown.length === 0}
            title="Reads every value of the tensors listed; the rows in sight are read anyway"
            onClick={measure}
            data-testid="measure-all"
          >
            {isMeasuring ? 'Reading statistics…' : 'Read all statistics'}
          </Button>
          <IconAction
            label="Save the list as CSV"
            onClick={() => saveCsv(`${checkpoint.name}-tensors.csv`, csvOf(shown))}
          >
            <IconDownload size={15} />
          </IconAction>
          <ColumnMenu columns={columns} onChange={setColumns} />
        </div>
        {problem && <ErrorPanel problem={problem} retry={retry} />}
        {shown.length === 0 && complete ? (
          <Empty title="No tensor matches">Fewer words, another filter, or Esc in the search field.</Empty>
        ) : (
          <DataGrid
            ref={table}
            label="Tensors"
            rows={shown}
            columns={COLUMNS}
            idOf={(row) => String(row.index)}
            attributesOf={(row) => ({ 'data-testid': 'tensor-row', 'data-name': row.name, 'data-index': row.index })}
            chosen={chosen ? shown.indexOf(chosen) : -1}
            onChoose={(row) => workspace.choose(row)}
            sorting={sorting}
            onSort={onSort}
            hidden={columns}
            Watcher={StatisticsWatcher}
          />
        )}
      </div>
      {chosen && (
        <SidePane side="right" label="Tensor" storageKey="assay-detail-width" initial={340} min={260} max={720}>
          <Detail key={chosen.index} row={chosen} />
        </SidePane>
      )}
    </div>
  )
}

function StatisticsWatcher({ rows }: { rows: readonly TensorRow[] }) {
  useStatisticsOf(useCheckpoint().id, rows)
  return null
}

function withKeys(opened: ReadonlySet<string>, keys: readonly string[], open: boolean): ReadonlySet<string> {
  const next = new Set(opened)
  for (const key of keys) {
    if (open) next.add(key)
    else next.delete(key)
  }
  return next
}

function csvOf(rows: readonly TensorRow[]) {
  return [
    ['name', 'dtype', 'shape', 'bytes', 'file', 'component', 'flags'],
    ...rows.map((row) => [
      row.name,
      row.dtype,
      row.shape.join('x'),
      row.bytes,
      row.file,
      row.component,
      row.flags.join(' '),
    ]),
  ]
}
