import { RangeSlider } from '@mantine/core'
import { formatCount, formatNumber } from '../../ui/format'
import classes from './brush.module.css'
import { LEFT, RIGHT } from './plot'
import { within } from './range'
import { heightsOf, type Line, thin } from './series'
import type { Zoom } from './zoom'

const WIDTH = 600
const HEIGHT = 26
/** The drawing begins left of its section: chart.module.css. */
const OUTDENT = 6

/** All of the course in little, and two handles for the stretch of it that the charts show. */
export function Brush({ line, zoom }: { line: Line; zoom: Zoom }) {
  const { unit, extent, range, zoomTo } = zoom
  const [from, to] = extent
  const step = unit === 'step' ? Math.max(1, Math.round((to - from) / 400)) : (to - from) / 400
  const dots = thin(line.dots, 400).filter((dot) => dot.y !== null)
  const { domain } = heightsOf([{ ...line, dots }])
  const path = dots
    .map(({ x, y }) => {
      const across = ((x - from) / (to - from)) * WIDTH
      return `${across.toFixed(1)} ${(HEIGHT - (((y ?? 0) - domain[0]) / (domain[1] - domain[0])) * HEIGHT).toFixed(1)}`
    })
    .join('L')
  return (
    <div className={classes.brush} style={{ marginLeft: LEFT - OUTDENT, marginRight: RIGHT }} data-testid="brush">
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" className={classes.course} aria-hidden>
        {dots.length > 1 && <path d={`M${path}`} vectorEffect="non-scaling-stroke" />}
      </svg>
      <RangeSlider
        classNames={classes}
        min={from}
        max={to}
        step={step}
        minRange={step}
        value={range ? [range[0], range[1]] : [from, to]}
        onChange={(value) => zoomTo(within(value, extent))}
        label={(value) => (unit === 'step' ? formatCount(Math.round(value)) : formatNumber(value))}
        size={1}
        thumbSize={10}
        thumbFromLabel={`First ${unit} shown`}
        thumbToLabel={`Last ${unit} shown`}
      />
    </div>
  )
}
