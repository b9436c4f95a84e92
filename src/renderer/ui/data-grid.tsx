import { Box } from '@mantine/core'
import { IconArrowDown, IconArrowUp } from '@tabler/icons-react'
import {
  type Column,
  type ColumnDef,
  flexRender,
  getCoreRowModel,
  type RowData,
  useReactTable,
  type VisibilityState,
} from '@tanstack/react-table'
import { useVirtualizer } from '@tanstack/react-virtual'
import {
  type ComponentType,
  type CSSProperties,
  type KeyboardEvent,
  type ReactNode,
  type Ref,
  useEffect,
  useId,
  useImperativeHandle,
  useRef,
  useState,
} from 'react'
import classes from './data-grid.module.css'

declare module '@tanstack/react-table' {
  interface ColumnMeta<TData extends RowData, TValue> {
    /** Set to the right, figures under figures. */
    readonly numeric?: boolean
    readonly sortable?: boolean
    /** Text under the pointer, for cells that may be cut. */
    readonly title?: (row: TData, value?: TValue) => string
  }
}

const ROW_HEIGHT = 28
const SCROLLBAR = 10

export interface Sorting {
  readonly column: string
  readonly descending: boolean
}

interface DataGridProps<Item extends RowData> {
  label: string
  rows: readonly Item[]
  columns: ColumnDef<Item, unknown>[]
  idOf: (row: Item) => string
  /** data-* attributes of a row. */
  attributesOf: (row: Item) => Record<`data-${string}`, string | number>
  /** Position of the chosen row, -1 for none. */
  chosen: number
  onChoose: (row: Item) => void
  sorting: Sorting | null
  onSort: (sorting: Sorting | null) => void
  hidden?: VisibilityState
  /** Rendered beside the grid with the rows in sight: for what is fetched as it is looked at. */
  Watcher?: ComponentType<{ rows: readonly Item[] }>
  ref?: Ref<{ focus(): void }>
}

/**
 * A table of any length: TanStack Virtual says which rows are in sight, TanStack Table is given only those. One tab stop; the
 * arrows choose (aria-activedescendant).
 */
export function DataGrid<Item extends RowData>(props: DataGridProps<Item>) {
  const {
    label,
    rows,
    columns,
    idOf,
    attributesOf,
    chosen,
    onChoose,
    sorting,
    onSort,
    hidden = {},
    Watcher,
    ref,
  } = props
  const scroller = useRef<HTMLTableElement>(null)
  const prefix = useId()
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 6,
    // The head goes with the rows but is not among them, and a scroll bar may lie below.
    scrollPaddingEnd: ROW_HEIGHT + SCROLLBAR,
  })
  const items = virtualizer.getVirtualItems()
  const shown = items.flatMap((item) => rows[item.index] ?? [])
  // Rows that leave at one end come in again at the other with new text: making elements is what costs when scrolling fast.
  const [pool, setPool] = useState(0)
  if (items.length > pool) setPool(items.length)
  const table = useReactTable({
    data: shown,
    columns,
    getRowId: idOf,
    getCoreRowModel: getCoreRowModel(),
    manualSorting: true,
    // The slice is new with every scroll; there is no page to go back to.
    autoResetAll: false,
    state: { columnVisibility: hidden },
  })

  useEffect(() => {
    if (chosen >= 0) virtualizer.scrollToIndex(chosen, { align: 'auto' })
  }, [chosen, virtualizer])
  useImperativeHandle(ref, () => ({ focus: () => scroller.current?.focus() }))

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    const next = stepped(event.key, chosen, rows.length, (scroller.current?.clientHeight ?? 0) / ROW_HEIGHT)
    const row = next === undefined ? undefined : rows[next]
    if (!row) return
    onChoose(row)
    event.preventDefault()
  }

  const visible = table.getVisibleLeafColumns()
  const widths = visible.map((column) => column.getSize())
  const template = widths.map((width, i) => (i === 0 ? `minmax(${width}px, 1fr)` : `${width}px`)).join(' ')
  const [headers] = table.getHeaderGroups()
  const models = table.getRowModel().rows
  return (
    <Box
      component="table"
      ref={scroller}
      className={classes.grid}
      role="grid"
      aria-label={label}
      aria-rowcount={rows.length + 1}
      aria-colcount={visible.length}
      tabIndex={0}
      aria-activedescendant={items.some((item) => item.index === chosen) ? `${prefix}${chosen}` : undefined}
      onKeyDown={onKeyDown}
      onClick={({ target }) => {
        const element = target instanceof Element ? target.closest('[data-row]') : null
        const row = rows[Number(element?.getAttribute('data-row') ?? -1)]
        if (row) onChoose(row)
      }}
      style={{ '--columns': template, '--width': `${widths.reduce((a, b) => a + b, 0)}px` } as CSSProperties}
    >
      <thead className={classes.head}>
        <tr aria-rowindex={1} className={classes.row}>
          {headers?.headers.map(({ column, getContext }) => (
            <th
              key={column.id}
              scope="col"
              className={classes.cell}
              data-numeric={column.columnDef.meta?.numeric}
              aria-sort={ariaSort(column, sorting)}
            >
              {column.columnDef.meta?.sortable ? (
                <SortButton column={column.id} sorting={sorting} onSort={onSort}>
                  {flexRender(column.columnDef.header, getContext())}
                </SortButton>
              ) : (
                flexRender(column.columnDef.header, getContext())
              )}
            </th>
          ))}
        </tr>
      </thead>
      <tbody className={classes.body} style={{ height: virtualizer.getTotalSize(), paddingTop: items[0]?.start ?? 0 }}>
        {items.map((item, i) => {
          const row = models[i]
          if (!row) return null
          return (
            <tr
              key={item.index % pool}
              id={`${prefix}${item.index}`}
              aria-rowindex={item.index + 2}
              aria-selected={item.index === chosen}
              className={classes.row}
              data-row={item.index}
              {...attributesOf(row.original)}
            >
              {row.getVisibleCells().map(({ column, getContext }) => (
                <td
                  key={column.id}
                  className={classes.cell}
                  data-numeric={column.columnDef.meta?.numeric}
                  data-column={column.id}
                  title={column.columnDef.meta?.title?.(row.original)}
                >
                  {flexRender(column.columnDef.cell, getContext())}
                </td>
              ))}
            </tr>
          )
        })}
      </tbody>
      {Watcher && <Watcher rows={shown} />}
    </Box>
  )
}

/** Where a key leads from row `at` of `count`; undefined for keys that lead nowhere. */
function stepped(key: string, at: number, count: number, visible: number): number | undefined {
  const page = Math.max(1, Math.floor(visible) - 2)
  const next = { ArrowDown: at + 1, ArrowUp: at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: count - 1 }[
    key
  ]
  return next === undefined ? undefined : Math.min(Math.max(next, 0), count - 1)
}

function ariaSort<Item>(
  column: Column<Item>,
  sorting: Sorting | null,
): 'ascending' | 'descending' | 'none' | undefined {
  if (!column.columnDef.meta?.sortable) return undefined
  if (sorting?.column !== column.id) return 'none'
  return sorting.descending ? 'descending' : 'ascending'
}

interface SortButtonProps {
  column: string
  sorting: Sorting | null
  onSort: (sorting: Sorting | null) => void
  children: ReactNode
}

/** Up, down, and back to the order that the rows came in. */
function SortButton({ column, sorting, onSort, children }: SortButtonProps) {
  const mine = sorting?.column === column ? sorting : null
  const next = mine === null ? { column, descending: false } : mine.descending ? null : { column, descending: true }
  return (
    <button type="button" className={classes.sort} onClick={() => onSort(next)}>
      {children}
      {mine && (mine.descending ? <IconArrowDown size={12} aria-hidden /> : <IconArrowUp size={12} aria-hidden />)}
    </button>
  )
}
