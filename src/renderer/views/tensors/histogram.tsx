import { useState } from 'react'
import type { TensorDetail } from '../../../contract/schemas'
import { formatCount, formatNumber, formatValue } from '../../ui/format'
import { keyed } from '../../ui/keyed'
import classes from './histogram.module.css'

type HistogramData = NonNullable<TensorDetail['histogram']>

const HEIGHT = 72
/** Nearer to an end the label of zero would stand on that of the end. */
const MARGIN = 0.24

interface HistogramProps {
  histogram: HistogramData
  /** The count that is drawn at full height: of histograms that are to be compared the highest of all. */
  full?: number | undefined
}

/** How often which values occur. */
export function Histogram({ histogram, full }: HistogramProps) {
  const { min, max, counts } = histogram
  const [under, setUnder] = useState<number | null>(null)
  const most = Math.max(1, ...counts)
  const top = full ?? most
  const step = (max - min) / counts.length
  const zero = min < 0 && max > 0 ? -min / (max - min) : null
  const labelled = zero !== null && zero > MARGIN && zero < 1 - MARGIN
  const count = under === null ? undefined : counts[under]
  return (
    <figure className={classes.histogram}>
      <svg
        viewBox={`0 0 ${counts.length} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Histogram of the values from ${formatValue(min)} to ${formatValue(max)} in ${counts.length} bins, at most ${formatCount(most)} in one`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect()
          setUnder(Math.min(counts.length - 1, Math.floor(((event.clientX - box.left) / box.width) * counts.length)))
        }}
        onPointerLeave={() => setUnder(null)}
      >
        {keyed(counts).map(({ key, item }) => {
          const height = item === 0 ? 0 : Math.max(1, (item / top) * HEIGHT)
          return (
            <rect
              key={key}
              x={Number(key) + 0.06}
              y={HEIGHT - height}
              width={0.88}
              height={height}
              data-under={Number(key) === under}
            />
          )
        })}
        {zero !== null && (
          <line
            x1={zero * counts.length}
            x2={zero * counts.length}
            y1={0}
            y2={HEIGHT}
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <figcaption>
        <span>{formatNumber(min, 3)}</span>
        {under !== null && count !== undefined ? (
          <span>
            {formatCount(count)} in {formatValue(min + under * step, 3)} … {formatValue(min + (under + 1) * step, 3)}
          </span>
        ) : (
          labelled && (
            <span className={classes.zero} style={{ left: `${zero * 100}%` }}>
              0
            </span>
          )
        )}
        <span>{formatNumber(max, 3)}</span>
      </figcaption>
    </figure>
  )
}
