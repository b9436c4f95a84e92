import { SafeText } from '../../ui/safe-text'
import classes from './chart.module.css'
import type { ChartEvent } from './events'
import type { Zoom } from './zoom'

const SHOWN = 6

/** What happened in a chart, by name; each is a way to look at it closely. */
export function EventList({ events, zoom }: { events: readonly ChartEvent[]; zoom: Zoom | null }) {
  if (events.length === 0) return null
  const items = events.map((event) => (
    <li key={event.key} data-kind={event.kind} data-testid="chart-event">
      {zoom ? (
        <button type="button" onClick={() => zoom.zoomTo(event.range)}>
          <SafeText>{event.text}</SafeText>
        </button>
      ) : (
        <SafeText>{event.text}</SafeText>
      )}
    </li>
  ))
  if (events.length <= SHOWN) return <ul className={classes.events}>{items}</ul>
  return (
    <>
      <ul className={classes.events}>{items.slice(0, SHOWN)}</ul>
      <details className={classes.more}>
        <summary>and {events.length - SHOWN} more</summary>
        <ul className={classes.events}>{items.slice(SHOWN, SHOWN + 200)}</ul>
      </details>
    </>
  )
}
