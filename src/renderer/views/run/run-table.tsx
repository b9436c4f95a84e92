import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, type RefObject, useCallback, useEffect, useMemo, useRef } from 'react'
import type { ReadRun } from '../../api/run'
import { Row } from './run-rows'
import classes from './run-table.module.css'
import { type TimelineRow, timelineOf } from './timeline'

const ROW = 46
const GAP = 28
const HEAD = 29

interface RunTableProps {
  run: ReadRun
  /** What it scrolls in, and the pixels of what stands above it there. */
  scroller: RefObject<HTMLElement | null>
  above: number
}

/**
 * Every checkpoint of the run, the newest first, with the gaps and the saves cut short between them. A row opens its checkpoint;
 * the arrows walk from one to the next. Only rows in sight exist.
 */
export function RunTable({ run, scroller, above }: RunTableProps) {
  const rows = useMemo(() => timelineOf(run), [run])
  const body = useRef<HTMLTableSectionElement>(null)
  const toFocus = useRef<number | null>(null)
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (i) => (rows[i]?.kind === 'gap' || rows[i]?.kind === 'run' ? GAP : ROW),
    // Another function for other rows: their heights are then worked out anew.
    getItemKey: useCallback((i: number) => keyOf(rows[i]) ?? i, [rows]),
    scrollMargin: above + HEAD,
    scrollPaddingStart: HEAD,
    overscan: 8,
  })
  const items = virtualizer.getVirtualItems()
  useEffect(() => {
    const button = toFocus.current === null ? null : buttonAt(body.current, toFocus.current)
    if (!button) return
    toFocus.current = null
    button.focus({ preventScroll: true })
  })

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return
    const from = event.target instanceof Element ? event.target.closest('[data-index]') : null
    const next = stepped(rows, Number(from?.getAttribute('data-index') ?? -1), event.key)
    if (next === undefined) return
    event.preventDefault()
    virtualizer.scrollToIndex(next)
    const button = buttonAt(body.current, next)
    if (button) button.focus({ preventScroll: true })
    else toFocus.current = next
  }

  return (
    <table className={classes.table} aria-rowcount={rows.length + 1}>
      <thead>
        <tr aria-rowindex={1}>
          <th scope="col">Checkpoint</th>
          <th scope="col" className={classes.number}>
            Step
          </th>
          <th scope="col">Verdict, resuming</th>
          <th scope="col" className={classes.number}>
            Loss
          </th>
          <th scope="col" className={classes.number}>
            Size
          </th>
          <th scope="col">Written</th>
          <th scope="col">Missing parts and findings</th>
        </tr>
      </thead>
      <tbody
        ref={body}
        onKeyDown={onKeyDown}
        style={{ height: virtualizer.getTotalSize(), paddingTop: (items[0]?.start ?? above + HEAD) - above - HEAD }}
      >
        {items.map(({ index, key, size }) => {
          const row = rows[index]
          const place = { 'data-index': index, 'aria-rowindex': index + 2, style: { height: size } }
          return row && <Row key={key} row={row} place={place} facts={run.facts} />
        })}
      </tbody>
    </table>
  )
}

function keyOf(row: TimelineRow | undefined): string | undefined {
  if (row?.kind === 'gap') return `gap ${row.gap.run ?? ''} ${row.gap.from}`
  if (row?.kind === 'run') return `run ${row.name}`
  if (row?.kind === 'half') return row.half.path
  return row?.kind === 'listed' ? row.listed.path : row?.checkpoint.path
}

function buttonAt(body: HTMLElement | null, index: number): HTMLButtonElement | null {
  return body?.querySelector(`[data-index="${index}"] button`) ?? null
}

/** The checkpoint that a key leads to from row `at`; undefined for keys that lead nowhere. */
function stepped(rows: readonly TimelineRow[], at: number, key: string): number | undefined {
  const isStop = (index: number) => rows[index]?.kind === 'checkpoint' || rows[index]?.kind === 'listed'
  const far = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10, Home: -rows.length, End: rows.length }[key]
  if (far === undefined || at < 0) return undefined
  let next = Math.min(Math.max(at + far, 0), rows.length - 1)
  // Gaps are walked over; at an end, back to the last checkpoint before it.
  const by = far > 0 ? 1 : -1
  while (rows[next] && !isStop(next)) next += by
  while (!isStop(next) && next !== at) next -= by
  return next
}
