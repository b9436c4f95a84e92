import { type CSSProperties, type KeyboardEvent, useRef } from 'react'
import { formatCount, formatNumber, formatValue, toNumber } from '../../ui/format'
import { visible } from '../../ui/safe-text'
import classes from './layer-strip.module.css'
import type { ModuleRow } from './modules'

interface LayerStripProps {
  layers: readonly ModuleRow[]
  scope: string | null
  onScope: (module: string | null) => void
}

/** Of more, each is too narrow to stand apart from the next. */
const MOST_APART = 120

/** The layers side by side, the darker the more their values changed: where in depth training happened. Arrows walk it. */
export function LayerStrip({ layers, scope, onScope }: LayerStripProps) {
  const strip = useRef<HTMLFieldSetElement>(null)
  const sizes = layers.map(({ rms }) => toNumber(rms))
  const most = Math.max(...sizes.filter(Number.isFinite), 0)
  const chosen = layers.findIndex(({ name }) => name === scope)
  const onKeyDown = (event: KeyboardEvent, i: number) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (by === undefined) return
    event.preventDefault()
    const next = strip.current?.querySelectorAll('button')[i + by]
    next?.focus()
  }
  return (
    <fieldset ref={strip} className={classes.strip} aria-label="Change by layer" data-testid="layer-strip">
      <span className={classes.name}>RMS by layer</span>
      <div className={classes.cells} data-dense={layers.length > MOST_APART}>
        {layers.map(({ name, tensors, differing }, i) => {
          const size = sizes[i] ?? 0
          const text = `${visible(name)}: RMS ${formatValue(size)}, ${formatCount(differing)} of ${formatCount(tensors)} tensors differ`
          return (
            <button
              key={name}
              type="button"
              tabIndex={i === Math.max(0, chosen) ? 0 : -1}
              aria-pressed={name === scope}
              aria-label={text}
              title={text}
              data-lost={!Number.isFinite(size)}
              style={{ '--part': most > 0 && Number.isFinite(size) ? size / most : 0 } as CSSProperties}
              onKeyDown={(event) => onKeyDown(event, i)}
              onClick={() => onScope(name === scope ? null : name)}
            />
          )
        })}
      </div>
      <span className={classes.name}>up to {formatNumber(most, 3)}</span>
    </fieldset>
  )
}
