import { IconDownload, IconTable } from '@tabler/icons-react'
import { type ReactNode, useMemo, useState } from 'react'
import {
  CartesianGrid,
  Line as Drawn,
  LineChart,
  ReferenceDot,
  ReferenceLine,
  ResponsiveContainer,
  Tooltip,
  XAxis,
  YAxis,
} from 'recharts'
import { saveText, toCsv } from '../../ui/csv'
import { formatCount, formatNumber } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { Section } from '../../ui/section'
import { niceTicks } from '../../ui/ticks'
import classes from './chart.module.css'
import { ChartTable } from './chart-table'
import { ChartTip } from './chart-tip'
import { heightsOf, type Line, rowsOf, thin } from './series'

/** More dots than this do not show on any screen. */
const DRAWN = 1500

export interface Mark {
  readonly key: string
  readonly x: number
  readonly y: number | null
}

export interface ChartProps {
  title: string
  lines: readonly Line[]
  /** What x counts. */
  unit: 'step' | 'epoch'
  /** Where the checkpoint stands. */
  marker?: number | undefined
  /** Things with a place of their own. Those without a height stand on the axis. */
  marks?: readonly Mark[]
  /** A mark as SVG around the origin, about 12 pixels wide. */
  glyphOf?: (mark: Mark) => ReactNode
  /** x of values that cannot be drawn. */
  lost?: readonly number[]
  log?: boolean
  height?: number
  controls?: ReactNode
  testId: string
}

/** Lines over steps. Charts of one view hover together; each can be had as a table and as CSV. */
export function Chart({
  title,
  lines,
  unit,
  marker,
  marks = [],
  glyphOf,
  lost = [],
  log = false,
  height = 180,
  controls,
  testId,
}: ChartProps) {
  const [asTable, setAsTable] = useState(false)
  const rows = useMemo(() => rowsOf(lines, { log }), [lines, log])
  const drawn = useMemo(
    () =>
      rowsOf(
        lines.map((line) => ({ ...line, dots: thin(line.dots, DRAWN) })),
        { log },
      ),
    [lines, log],
  )
  const from = Math.min(drawn[0]?.x ?? 0, ...marks.map(({ x }) => x))
  const to = Math.max(drawn.at(-1)?.x ?? 0, ...marks.map(({ x }) => x))
  const isEarly = marker !== undefined && marker - from < (to - from) / 4
  const heights = useMemo(() => heightsOf(lines), [lines])
  const sampled = lines.find((line) => line.dots.length > DRAWN)
  const save = () =>
    saveText(
      `${title.toLowerCase().replaceAll(' ', '-')}.csv`,
      toCsv([
        [unit, ...lines.map((line) => line.name)],
        ...rows.map((row) => [row.x, ...lines.map(({ key }) => row[key])]),
      ]),
    )
  return (
    <Section
      title={title}
      note={<Legend lines={lines} />}
      testId={testId}
      actions={
        <>
          {controls}
          <IconAction
            label={asTable ? `${title} as a chart` : `${title} as a table`}
            aria-pressed={asTable}
            onClick={() => setAsTable(!asTable)}
          >
            <IconTable size={15} />
          </IconAction>
          <IconAction label={`Save ${title.toLowerCase()} as CSV`} onClick={save}>
            <IconDownload size={15} />
          </IconAction>
        </>
      }
    >
      {asTable ? (
        <ChartTable title={title} rows={rows} lines={lines} unit={unit} height={height} />
      ) : (
        <div className={classes.chart} style={{ height }}>
          <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 600, height }}>
            <LineChart
              data={drawn}
              syncId="training"
              syncMethod="value"
              margin={{ top: 6, right: 12, bottom: 0, left: 0 }}
              title={`${title} by ${unit}`}
            >
              <CartesianGrid stroke="var(--chart-grid)" vertical={false} />
              <XAxis
                dataKey="x"
                type="number"
                domain={[from, to]}
                ticks={wholeTicks(from, to)}
                tickFormatter={formatCount}
                tickLine={false}
                axisLine={{ stroke: 'var(--line-strong)' }}
                minTickGap={36}
                height={22}
              />
              <YAxis
                scale={log ? 'log' : 'linear'}
                domain={log ? ['auto', 'auto'] : heights.domain}
                ticks={log ? undefined : heights.ticks}
                allowDataOverflow={log}
                tickFormatter={(value: number) => formatNumber(value, 3)}
                tickLine={false}
                axisLine={false}
                width={58}
              />
              {marker !== undefined && (
                <ReferenceLine
                  x={marker}
                  stroke="var(--text-faint)"
                  strokeDasharray="2 3"
                  label={{
                    value: 'this checkpoint',
                    position: isEarly ? 'insideTopLeft' : 'insideTopRight',
                    fontSize: 11,
                    fill: 'var(--text-faint)',
                  }}
                />
              )}
              {lost.slice(0, 40).map((x) => (
                <ReferenceLine key={x} x={x} stroke="var(--bad)" strokeOpacity={0.5} />
              ))}
              <Tooltip
                content={<ChartTip unit={unit} lines={lines} />}
                cursor={{ stroke: 'var(--line-strong)' }}
                isAnimationActive={false}
              />
              {lines.map((line) => (
                <Drawn
                  key={line.key}
                  dataKey={line.key}
                  name={line.name}
                  stroke={`var(--chart-${line.colour})`}
                  strokeOpacity={line.style === 'faint' ? 0.28 : 1}
                  strokeWidth={line.style === 'faint' ? 1 : 1.6}
                  strokeDasharray={DASHES[line.style ?? 'solid']}
                  dot={line.marked && line.dots.length < 60 ? { r: 2.5, strokeDasharray: '' } : false}
                  activeDot={{ r: 3 }}
                  connectNulls
                  isAnimationActive={false}
                />
              ))}
              {marks.map((mark) => (
                <ReferenceDot
                  key={mark.key}
                  x={mark.x}
                  y={mark.y ?? heights.domain[0]}
                  ifOverflow="visible"
                  shape={({ cx, cy }) => <g transform={`translate(${cx} ${cy})`}>{glyphOf?.(mark)}</g>}
                />
              ))}
            </LineChart>
          </ResponsiveContainer>
        </div>
      )}
      {sampled && !asTable && (
        <p className={classes.note}>
          Drawn from the extremes of {formatCount(sampled.dots.length)} values; the table and the CSV have them all.
        </p>
      )}
      {lost.length > 0 && (
        <p className={classes.lost}>
          NaN or infinite at {unit} {lost.slice(0, 8).map(formatCount).join(', ')}
          {lost.length > 8 && ` and ${formatCount(lost.length - 8)} more`}
        </p>
      )}
    </Section>
  )
}

/** Nothing happens between two steps. */
function wholeTicks(from: number, to: number): number[] {
  const ticks = niceTicks(from, to, 8)
  const whole = ticks.filter(Number.isInteger)
  return whole.length > 0 ? whole : ticks
}

const DASHES = { solid: undefined, faint: undefined, dashed: '5 4', dotted: '1.5 4' } as const

function Legend({ lines }: { lines: readonly Line[] }) {
  const named = lines.filter((line) => line.style !== 'faint')
  if (named.length < 2) return null
  return (
    <span className={classes.legend}>
      {named.map((line) => (
        <span key={line.key}>
          <svg width="16" height="8" aria-hidden>
            <line
              x1="0"
              x2="16"
              y1="4"
              y2="4"
              stroke={`var(--chart-${line.colour})`}
              strokeWidth="2"
              strokeDasharray={DASHES[line.style ?? 'solid']}
            />
          </svg>
          {line.name}
        </span>
      ))}
    </span>
  )
}
