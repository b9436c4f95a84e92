import { useState } from 'react'
import type { Exponents as ExponentCounts, Statistics } from '../../../contract/schemas'
import { formatCount, formatPercent } from '../../ui/format'
import { keyed } from '../../ui/keyed'
import classes from './exponents.module.css'
import { FORMATS, type Format, type Loss, lossOf } from './formats'

const HALF = 36
/** Empty bins beside the outermost values, so that a range that ends there is seen to end. */
const MARGIN = 2

interface ExponentsProps {
  dtype: string
  statistics: Statistics
  exponents: ExponentCounts
}

/** How the sizes of values spread over powers of two, positive ones up and negative ones down, and what narrower formats hold of them. */
export function Exponents({ dtype, statistics, exponents }: ExponentsProps) {
  const { first, positive, negative } = exponents
  const [under, setUnder] = useState<number | null>(null)
  const last = first + positive.length - 1
  const from = first - MARGIN
  const width = positive.length + 2 * MARGIN
  const most = Math.log1p(Math.max(...positive, ...negative))
  const at = under === null ? -1 : under - MARGIN
  const heightOf = (count: number) => (Math.log1p(count) / most) * HALF
  return (
    <figure className={classes.exponents} data-testid="exponents">
      <svg
        viewBox={`0 0 ${width} ${2 * HALF}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Values by their binary exponent, from 2^${first} to 2^${last}`}
        onPointerMove={(event) => {
          const box = event.currentTarget.getBoundingClientRect()
          setUnder(Math.floor(((event.clientX - box.left) / box.width) * width))
        }}
        onPointerLeave={() => setUnder(null)}
      >
        {keyed(positive).map(({ key, item }) => {
          const [up, down] = [heightOf(item), heightOf(negative[Number(key)] ?? 0)]
          return (
            <rect
              key={key}
              x={Number(key) + MARGIN + 0.08}
              y={HALF - up}
              width={0.84}
              height={up + down}
              data-under={Number(key) === at}
            />
          )
        })}
        <line x1={0} x2={width} y1={HALF} y2={HALF} vectorEffect="non-scaling-stroke" />
      </svg>
      <figcaption>
        <span>{power(first)}</span>
        <span>{at in positive && pointed(first + at, positive[at] ?? 0, negative[at] ?? 0)}</span>
        <span>{power(last)}</span>
      </figcaption>
      <ul className={classes.formats}>
        {FORMATS.map((format) => {
          const loss = lossOf(dtype, statistics, exponents, format)
          if (!loss) return null
          const told = format.dtype === dtype ? ownText(loss, statistics.count) : lossText(loss, statistics.count)
          return <Range key={format.name} format={format} loss={loss} told={told} from={from} width={width} />
        })}
      </ul>
    </figure>
  )
}

interface RangeProps {
  format: Format
  loss: Loss
  told: string
  from: number
  width: number
}

/** What a format holds, under the values: its normal range, fainter that of its denormals. */
function Range({ format, loss, told, from, width }: RangeProps) {
  const place = (low: number, high: number) => {
    const [left, right] = [low - from, high + 1 - from].map((bin) => (Math.min(Math.max(bin, 0), width) / width) * 100)
    return { left: `${left}%`, width: `${(right ?? 0) - (left ?? 0)}%` }
  }
  const isWhole = loss.overflow + loss.zero + loss.denormal === 0
  return (
    <li data-format={format.dtype} data-whole={isWhole}>
      <span className={classes.name}>{format.name}</span>
      <span className={classes.loss}>{told}</span>
      <span className={classes.track} aria-hidden>
        <i data-part="denormal" style={place(format.lowest - format.digits, format.lowest - 1)} />
        <i data-part="normal" style={place(format.lowest, format.highest)} />
      </span>
    </li>
  )
}

/** What a cast would do to the values. */
function lossText({ overflow, zero, denormal }: Loss, count: number): string {
  const parts = [
    ...(overflow > 0 ? [`${formatPercent(overflow, count)} overflow`] : []),
    ...(zero > 0 ? [`${formatPercent(zero, count)} become 0`] : []),
    ...(denormal > 0 ? [`${formatPercent(denormal, count)} lose digits`] : []),
  ]
  return parts.join(', ') || 'holds all'
}

function ownText({ denormal }: Loss, count: number): string {
  return denormal > 0 ? `its own: ${formatPercent(denormal, count)} denormal` : 'its own: all normal'
}

function pointed(exponent: number, positive: number, negative: number): string {
  return `${formatCount(positive)} positive, ${formatCount(negative)} negative from ${power(exponent)}`
}

const RAISED: Record<string, string> = {
  '-': '⁻',
  0: '⁰',
  1: '¹',
  2: '²',
  3: '³',
  4: '⁴',
  5: '⁵',
  6: '⁶',
  7: '⁷',
  8: '⁸',
  9: '⁹',
}

/** `2⁻¹²`. */
function power(exponent: number): string {
  return `2${[...String(exponent)].map((digit) => RAISED[digit]).join('')}`
}
