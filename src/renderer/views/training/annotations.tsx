import type { ReactNode } from 'react'
import { usePlotArea, useXAxisScale, useYAxisScale } from 'recharts'
import classes from './chart.module.css'
import type { ChartEvent } from './events'
import type { Range } from './range'

export interface Mark {
  readonly key: string
  readonly x: number
  readonly y: number | null
}

export interface AnnotationsProps {
  range: Range
  /** Where the checkpoint stands. */
  marker?: number | undefined
  /** Things with a place of their own. Those without a height stand on the axis. */
  marks: readonly Mark[]
  /** A mark as SVG around the origin, about 12 pixels wide. */
  glyphOf?: ((mark: Mark) => ReactNode) | undefined
  events: readonly ChartEvent[]
  /** Where checkpoints were saved: ticks on the axis, where no marks tell of them. */
  saves: readonly number[]
  /** Where values are that cannot be drawn. */
  lost: readonly number[]
}

/** Upright lines drawn at most for values that are no numbers: more are a wall. */
const LOST = 60

/** What stands in a chart beside its lines, drawn at once: hundreds of elements of the chart library's own would each lay it out anew. */
export function Annotations({ range, marker, marks, glyphOf, events, saves, lost }: AnnotationsProps) {
  const area = usePlotArea()
  const scaleX = useXAxisScale()
  const scaleY = useYAxisScale()
  if (!area || !scaleX || !scaleY) return null
  const top = area.y
  const bottom = area.y + area.height
  const isIn = ({ x }: { x: number }) => x >= range[0] && x <= range[1]
  const across = (x: number) => scaleX(x) ?? 0
  const down = (y: number | null) => Math.min(Math.max((y === null ? undefined : scaleY(y)) ?? bottom, top), bottom)
  const inSight = lost.map((x) => ({ x })).filter(isIn)
  const resumes = events.filter((event) => event.kind === 'resume' && isIn(event))
  return (
    <g>
      {inSight.slice(0, LOST).map(({ x }) => (
        <path key={x} className={classes.lostLine} d={`M${across(x)} ${top}V${bottom}`} />
      ))}
      {resumes.map(({ key, x }) => (
        <g key={key}>
          <path className={classes.resume} d={`M${across(x)} ${top}V${bottom}`} />
          {!isNear(x, marker, range) && (
            <UprightName name="resumed" x={across(x)} y={top} part={partOf(x, range)} accented />
          )}
        </g>
      ))}
      {marker !== undefined && isIn({ x: marker }) && (
        <g>
          <path className={classes.marker} d={`M${across(marker)} ${top}V${bottom}`} />
          <UprightName name="this checkpoint" x={across(marker)} y={top} part={partOf(marker, range)} />
        </g>
      )}
      <path
        className={classes.save}
        d={saves
          .filter((x) => marks.length === 0 && isIn({ x }))
          .map((x) => `M${across(x)} ${bottom - 6}v6`)
          .join('')}
      />
      {marks.filter(isIn).map((mark) => (
        <g key={mark.key} transform={`translate(${across(mark.x)} ${down(mark.y)})`}>
          {glyphOf?.(mark)}
        </g>
      ))}
      {events
        .filter((event) => event.y !== null && isIn(event))
        .map(({ key, x, y, kind, text }) => (
          <circle key={key} className={classes.event} data-kind={kind} cx={across(x)} cy={down(y)} r={6}>
            <title>{text}</title>
          </circle>
        ))}
    </g>
  )
}

interface UprightNameProps {
  name: string
  x: number
  y: number
  /** How far along the chart it stands, from 0 to 1. */
  part: number
  accented?: boolean
}

/** The name of an upright line above it, within the drawing also where the line stands at its edge. */
function UprightName({ name, x, y, part, accented = false }: UprightNameProps) {
  const anchor = part < 0.12 ? 'start' : part > 0.88 ? 'end' : 'middle'
  return (
    <text x={x} y={y - 6} textAnchor={anchor} className={classes.upright} data-accented={accented}>
      {name}
    </text>
  )
}

function partOf(x: number, [from, to]: Range): number {
  return (x - from) / (to - from)
}

/** Where two names would run into each other, the checkpoint's is the one to read. */
function isNear(x: number, marker: number | undefined, range: Range): boolean {
  return marker !== undefined && Math.abs(partOf(x, range) - partOf(marker, range)) < 0.14
}
