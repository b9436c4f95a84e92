import classes from './stacked-bar.module.css'

export interface Share {
  readonly name: string
  readonly value: number
  /** As the legend writes it. */
  readonly text: string
}

/** Parts of a whole as one bar with its legend. */
export function StackedBar({ label, shares }: { label: string; shares: readonly Share[] }) {
  const whole = shares.reduce((sum, share) => sum + share.value, 0)
  return (
    <figure>
      <div
        className={classes.bar}
        role="img"
        aria-label={`${label}: ${shares.map((s) => `${s.name} ${s.text}`).join(', ')}`}
      >
        {shares.map((share, i) => (
          <span key={share.name} data-series={i % 4} style={{ flexGrow: share.value / (whole || 1) }} />
        ))}
      </div>
      <figcaption className={classes.legend}>
        {shares.map((share, i) => (
          <span key={share.name}>
            <i data-series={i % 4} aria-hidden />
            <span>{share.name}</span> <em>{share.text}</em>
          </span>
        ))}
      </figcaption>
    </figure>
  )
}
