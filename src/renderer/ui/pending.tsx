import classes from './pending.module.css'

const WIDTHS = ['88%', '64%', '76%', '52%', '82%', '60%']

/** Quiet bars where text will stand. Said to screen readers as busy. */
export function Pending({ lines = 3, label = 'Loading' }: { lines?: number; label?: string }) {
  return (
    <div className={classes.pending} role="status" aria-label={label}>
      {WIDTHS.slice(0, lines).map((width) => (
        <span key={width} style={{ width }} />
      ))}
    </div>
  )
}
