import { Box } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { useRef } from 'react'
import { formatCount, formatValue } from '../../ui/format'
import classes from './chart.module.css'
import type { Line, Row } from './series'

interface ChartTableProps {
  title: string
  rows: readonly Row[]
  lines: readonly Line[]
  unit: string
  height: number
}

/** The same numbers to read instead of to look at. */
export function ChartTable({ title, rows, lines, unit, height }: ChartTableProps) {
  const scroller = useRef<HTMLDivElement>(null)
  const virtualizer = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 22,
    overscan: 10,
  })
  const style = { gridTemplateColumns: `80px repeat(${lines.length}, minmax(90px, 160px))` }
  return (
    <Box ref={scroller} className={classes.scroller} style={{ height }} role="region" aria-label={title} tabIndex={0}>
      <table className={classes.table} aria-rowcount={rows.length + 1}>
        <thead>
          <tr aria-rowindex={1} style={style}>
            <th scope="col">{unit}</th>
            {lines.map((line) => (
              <th scope="col" key={line.key}>
                {line.name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody style={{ height: virtualizer.getTotalSize(), paddingTop: virtualizer.getVirtualItems()[0]?.start ?? 0 }}>
          {virtualizer.getVirtualItems().map((item) => {
            const row = rows[item.index]
            if (!row) return null
            return (
              <tr key={row.x} aria-rowindex={item.index + 2} style={style}>
                <th scope="row">{formatCount(row.x)}</th>
                {lines.map(({ key }) => (
                  <td key={key}>{formatValue(row[key], 6)}</td>
                ))}
              </tr>
            )
          })}
        </tbody>
      </table>
    </Box>
  )
}
