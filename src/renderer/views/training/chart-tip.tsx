import { formatCount, formatValue } from '../../ui/format'
import classes from './chart.module.css'
import type { Line } from './series'

interface ChartTipProps {
  unit: string
  lines: readonly Line[]
  /** What else is at an x: a checkpoint, a resume. */
  notes: ReadonlyMap<number, readonly string[]>
  /** Filled in by recharts. */
  active?: boolean
  label?: number | string
  payload?: readonly { dataKey?: unknown; value?: unknown }[]
}

/** The values of all lines under the pointer. */
export function ChartTip({ unit, lines, notes, active, label, payload }: ChartTipProps) {
  if (!active || !payload || payload.length === 0) return null
  return (
    <div className={classes.tip}>
      <p>
        {unit} {formatCount(Number(label))}
      </p>
      <dl>
        {lines.map((line) => {
          const value = payload.find((entry) => entry.dataKey === line.key)?.value
          if (typeof value !== 'number') return null
          return (
            <div key={line.key}>
              <dt>
                <i style={{ background: `var(--chart-${line.colour})` }} />
                {line.name}
              </dt>
              <dd>{formatValue(value, 5)}</dd>
            </div>
          )
        })}
      </dl>
      {notes.get(Number(label))?.map((note) => (
        <p key={note}>{note}</p>
      ))}
    </div>
  )
}
