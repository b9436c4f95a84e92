import { Box } from '@mantine/core'
import { useLocalStorage } from '@mantine/hooks'
import { type KeyboardEvent, type PointerEvent, type ReactNode, useRef } from 'react'
import classes from './side-pane.module.css'

interface SidePaneProps {
  /** On which side of its neighbour it stands. */
  side: 'left' | 'right'
  label: string
  /** Where its width is remembered. */
  storageKey: string
  /** Pixels. */
  initial: number
  min: number
  max: number
  children: ReactNode
}

/** A pane whose inner edge can be dragged, or moved with the arrow keys (WAI-ARIA window splitter). */
export function SidePane({ side, label, storageKey, initial, min, max, children }: SidePaneProps) {
  const [width, setWidth] = useLocalStorage({ key: storageKey, defaultValue: initial })
  const drag = useRef<{ from: number; width: number } | null>(null)
  const sign = side === 'left' ? 1 : -1
  const resize = (next: number) => setWidth(Math.round(Math.min(Math.max(next, min), max)))

  const onPointerMove = (event: PointerEvent) => {
    if (drag.current) resize(drag.current.width + sign * (event.clientX - drag.current.from))
  }
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowLeft: -16, ArrowRight: 16 }[event.key]
    if (step === undefined) return
    resize(width + sign * step)
    event.preventDefault()
  }
  const handle = (
    <Box
      className={classes.handle}
      role="separator"
      aria-orientation="vertical"
      aria-label={`Width: ${label}`}
      aria-valuenow={width}
      aria-valuemin={min}
      aria-valuemax={max}
      tabIndex={0}
      onPointerDown={(event: PointerEvent) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        drag.current = { from: event.clientX, width }
      }}
      onPointerMove={onPointerMove}
      onPointerUp={() => {
        drag.current = null
      }}
      onDoubleClick={() => setWidth(initial)}
      onKeyDown={onKeyDown}
    />
  )
  return (
    <>
      {side === 'right' && handle}
      <section className={classes.pane} aria-label={label} style={{ width }}>
        {children}
      </section>
      {side === 'left' && handle}
    </>
  )
}
