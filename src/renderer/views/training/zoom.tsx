import { useHotkeys } from '@mantine/hooks'
import { createContext, type ReactNode, useContext, useMemo, useState } from 'react'
import { moved, type Range, scaled } from './range'

/** The stretch of steps (or epochs) that all charts of a view show. */
export interface Zoom {
  readonly unit: 'step' | 'epoch'
  /** All there is to see. */
  readonly extent: Range
  /** What is seen of it; null for all. */
  readonly range: Range | null
  readonly zoomTo: (range: Range | null) => void
}

const Context = createContext<Zoom | null>(null)

interface ZoomFrameProps {
  unit: Zoom['unit']
  extent: Range
  children: ReactNode
}

/** Charts in it show the same stretch; the keys `+`, `-` and `0` and Shift with the arrows change it. */
export function ZoomFrame({ unit, extent, children }: ZoomFrameProps) {
  const [range, setRange] = useState<Range | null>(null)
  const zoom = useMemo(() => ({ unit, extent, range, zoomTo: setRange }), [unit, extent, range])
  const by = (factor: number) => () => setRange(scaled(range ?? extent, factor, extent))
  const along = (part: number) => () => range && setRange(moved(range, part, extent))
  useHotkeys([
    ['=', by(0.5)],
    ['[plus]', by(0.5)],
    ['shift+[plus]', by(0.5)],
    ['-', by(2)],
    ['0', () => setRange(null)],
    ['shift+ArrowLeft', along(-0.25)],
    ['shift+ArrowRight', along(0.25)],
  ])
  return <Context value={zoom}>{children}</Context>
}

/** What a chart over `unit` shows; nothing to zoom where the others count something else. */
export function useZoom(unit: Zoom['unit']): Zoom | null {
  const zoom = useContext(Context)
  return zoom?.unit === unit ? zoom : null
}
