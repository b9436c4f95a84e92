import { type PointerEvent, type Ref, useState } from 'react'
import { CartesianGrid, Line as Drawn, LineChart, ResponsiveContainer, Tooltip, XAxis, YAxis } from 'recharts'
import { formatCount, formatNumber } from '../../ui/format'
import { niceTicks } from '../../ui/ticks'
import { Annotations, type AnnotationsProps } from './annotations'
import classes from './chart.module.css'
import { ChartTip } from './chart-tip'
import { type Range, within } from './range'
import { heightsOf, type Line, rowsOf } from './series'

/** Pixels that the scale takes on the left, and the air on the right. */
export const LEFT = 58
export const RIGHT = 14
/** Above the lines: names of the upright ones. */
const TOP = 18

interface PlotProps {
  title: string
  /** Already cut to `range` and thinned. */
  lines: readonly Line[]
  unit: 'step' | 'epoch'
  range: Range
  log: boolean
  height: number
  annotations: Omit<AnnotationsProps, 'range'>
  notes: ReadonlyMap<number, readonly string[]>
  /** A stretch was drawn over with the pointer. */
  onStretch?: ((range: Range) => void) | undefined
  ref?: Ref<HTMLDivElement>
}

/** The drawing of a chart. */
export function Plot(props: PlotProps) {
  const { title, lines, unit, range, log, height, annotations, notes, ref } = props
  const [from, to] = range
  const stretch = useStretch(range, props.onStretch)
  const heights = heightsOf(lines, { log })
  return (
    <div ref={ref} className={classes.chart} style={{ height }} {...stretch.handlers}>
      <ResponsiveContainer width="100%" height="100%" initialDimension={{ width: 600, height }}>
        <LineChart
          data={rowsOf(lines, { log })}
          syncId="training"
          syncMethod="value"
          margin={{ top: TOP, right: RIGHT, bottom: 0, left: 0 }}
          title={`${title} by ${unit}`}
        >
          <CartesianGrid stroke="var(--chart-grid)" vertical={false} />
          <XAxis
            dataKey="x"
            type="number"
            domain={[from, to]}
            allowDataOverflow
            ticks={wholeTicks(from, to)}
            tickFormatter={formatCount}
            tickLine={false}
            axisLine={{ stroke: 'var(--line-strong)' }}
            minTickGap={36}
            height={22}
          />
          <YAxis
            scale={log ? 'log' : 'linear'}
            domain={heights.domain}
            ticks={heights.ticks}
            allowDataOverflow={log}
            tickFormatter={(value: number) => formatNumber(value, 3)}
            tickLine={false}
            axisLine={false}
            width={LEFT}
          />
          <Tooltip
            content={<ChartTip unit={unit} lines={lines} notes={notes} />}
            cursor={{ stroke: 'var(--line-strong)' }}
            isAnimationActive={false}
          />
          {lines.map((line) => (
            <Drawn
              key={line.key}
              dataKey={line.key}
              name={line.name}
              stroke={`var(--chart-${line.colour})`}
              strokeOpacity={OPACITIES[line.style ?? 'solid']}
              strokeWidth={line.style === 'faint' || line.style === 'abandoned' ? 1.1 : 1.6}
              strokeDasharray={DASHES[line.style ?? 'solid']}
              dot={line.marked && line.dots.length < 60 ? { r: 2.5, strokeDasharray: '' } : false}
              activeDot={{ r: 3 }}
              connectNulls
              isAnimationActive={false}
            />
          ))}
          <Annotations {...annotations} range={range} />
        </LineChart>
      </ResponsiveContainer>
      {stretch.box && <div className={classes.stretch} style={stretch.box} />}
    </div>
  )
}

/** Nothing happens between two steps. */
function wholeTicks(from: number, to: number): number[] {
  const ticks = niceTicks(from, to, 8)
  const whole = ticks.filter(Number.isInteger)
  return whole.length > 0 ? whole : ticks
}

export const DASHES = {
  solid: undefined,
  faint: undefined,
  dashed: '5 4',
  dotted: '1.5 4',
  abandoned: '4 3',
} as const
const OPACITIES = { solid: 1, faint: 0.28, dashed: 1, dotted: 1, abandoned: 0.65 } as const

/** Drawing over a stretch with the pointer: the box to show while it lasts, and the stretch at its end. */
function useStretch([from, to]: Range, onStretch: ((range: Range) => void) | undefined) {
  const [pixels, setPixels] = useState<Range | null>(null)
  if (!onStretch) return { box: null, handlers: {} }
  const at = (event: PointerEvent<HTMLElement>) => {
    const { left, width } = event.currentTarget.getBoundingClientRect()
    return Math.min(Math.max(event.clientX - left, LEFT), width - RIGHT)
  }
  const isDrawn = pixels !== null && Math.abs(pixels[1] - pixels[0]) > 5
  const handlers = {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.button !== 0) return
      event.currentTarget.setPointerCapture(event.pointerId)
      setPixels([at(event), at(event)])
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => pixels && setPixels([pixels[0], at(event)]),
    onPointerUp: (event: PointerEvent<HTMLElement>) => {
      setPixels(null)
      if (!isDrawn) return
      const width = event.currentTarget.clientWidth - LEFT - RIGHT
      const xOf = (pixel: number) => from + ((pixel - LEFT) / width) * (to - from)
      const [low, high] = [Math.min(...pixels), Math.max(...pixels)]
      const range = within([xOf(low), xOf(high)], [from, to])
      if (range) onStretch(range)
    },
    onPointerCancel: () => setPixels(null),
  }
  const box = isDrawn
    ? { left: Math.min(...pixels), width: Math.abs(pixels[1] - pixels[0]), top: TOP, bottom: 22 }
    : null
  return { box, handlers }
}
