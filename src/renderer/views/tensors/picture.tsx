import { SegmentedControl, useComputedColorScheme } from '@mantine/core'
import { type PointerEvent, useEffect, useMemo, useRef, useState } from 'react'
import type { TensorDetail } from '../../../contract/schemas'
import { formatNumber, formatShape, formatValue } from '../../ui/format'
import { colourOf, cssColour, gradientOf, scaleOf } from './colour-map'
import classes from './picture.module.css'

type PictureData = NonNullable<TensorDetail['picture']>
type Shows = 'mean' | 'extremes'

interface PictureProps {
  picture: PictureData
  shape: readonly number[]
  /** One that it is to be compared with: the colours mean the same in both. */
  beside?: PictureData | null | undefined
}

/**
 * The values as colours, the last dimension across and all others down: blue below zero, orange above; where all lie on one side, dark to bright from the
 * lowest to the highest. Cells without a number have a colour of their own.
 */
export function Picture({ picture, shape, beside }: PictureProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const scheme = useComputedColorScheme()
  const [under, setUnder] = useState<{ x: number; y: number } | null>(null)
  const [shows, setShows] = useState<Shows>('mean')
  const { width, height, extremes } = picture
  const values = cellsOf(picture, shows)
  const others = beside && cellsOf(beside, shows)
  const scale = useMemo(() => scaleOf(others ? [...values, ...others] : values, scheme), [values, others, scheme])
  const hasGaps = useMemo(() => values.includes(null), [values])

  useEffect(() => {
    const context = canvas.current?.getContext('2d')
    if (!context || width === 0 || height === 0) return
    const image = context.createImageData(width, height)
    for (let i = 0; i < width * height; i++) image.data.set([...colourOf(scale, values[i] ?? null), 255], i * 4)
    context.putImageData(image, 0, 0)
  }, [scale, values, width, height])

  const onPointerMove = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    const x = Math.floor(((event.clientX - box.left) / box.width) * width)
    const y = Math.floor(((event.clientY - box.top) / box.height) * height)
    if (x >= 0 && y >= 0 && x < width && y < height) setUnder({ x, y })
  }
  const [rows, columns] = folded(shape)
  const isSampled = rows > height || columns > width
  const value = under && (values[under.y * width + under.x] ?? null)
  return (
    <figure className={classes.picture}>
      {isSampled && extremes && (
        <SegmentedControl
          className={classes.shows}
          aria-label="What a cell shows"
          value={shows}
          onChange={(value) => setShows(value === 'extremes' ? 'extremes' : 'mean')}
          data={[
            { value: 'mean', label: 'Mean' },
            { value: 'extremes', label: 'Farthest from zero' },
          ]}
        />
      )}
      <canvas
        ref={canvas}
        width={width}
        height={height}
        role="img"
        aria-label={`Picture of the values, ${formatShape([height, width])} cells, from ${formatValue(scale.from)} to ${formatValue(scale.to)}`}
        style={{ aspectRatio: `${Math.min(Math.max(width / height, 0.5), 12)}` }}
        onPointerMove={onPointerMove}
        onPointerLeave={() => setUnder(null)}
      />
      <figcaption>
        <div className={classes.legend}>
          <span>{formatNumber(scale.from, 4)}</span>
          <span className={classes.ramp} style={{ background: gradientOf(scale.map) }} />
          <span>{formatNumber(scale.to, 4)}</span>
          {hasGaps && (
            <span className={classes.gap}>
              <i style={{ background: cssColour(scale.map.none) }} /> NaN
            </span>
          )}
        </div>
        <p>
          {under
            ? `[${cellRange(under.y, height, rows)}, ${cellRange(under.x, width, columns)}] = ${value === null ? 'NaN' : formatValue(value)}`
            : isSampled
              ? `Each cell is the ${shows === 'mean' ? 'mean' : 'value farthest from zero'} of about ${formatShape([Math.ceil(rows / height), Math.ceil(columns / width)])} values`
              : 'Each cell is one value'}
          {!under && shape.length > 2 && `; the first ${shape.length - 1} dimensions run down`}
        </p>
      </figcaption>
    </figure>
  )
}

function cellsOf({ values, extremes }: PictureData, shows: Shows): PictureData['values'] {
  return shows === 'extremes' && extremes ? extremes : values
}

/** Rows and columns of the tensor with all dimensions but the last as one. */
function folded(shape: readonly number[]): [rows: number, columns: number] {
  return [shape.slice(0, -1).reduce((product, extent) => product * extent, 1), shape.at(-1) ?? 1]
}

/** Which rows or columns of the tensor a cell covers. */
function cellRange(cell: number, cells: number, extent: number): string {
  const first = Math.floor((cell * extent) / cells)
  const last = Math.max(first, Math.ceil(((cell + 1) * extent) / cells) - 1)
  return first === last ? `${first}` : `${first}–${last}`
}
