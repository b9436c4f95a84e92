import classes from './chart.module.css'
import { DASHES } from './plot'
import type { Line } from './series'

/** The lines by name where there is more than one; what earlier attempts logged counts as one. */
export function Legend({ lines }: { lines: readonly Line[] }) {
  const named = namesOf(lines)
  if (named.length < 2) return null
  return (
    <span className={classes.legend}>
      {named.map(({ name, line }) => (
        <span key={line.key}>
          <svg width="16" height="8" aria-hidden>
            <line
              x1="0"
              x2="16"
              y1="4"
              y2="4"
              stroke={`var(--chart-${line.colour})`}
              strokeWidth="2"
              strokeDasharray={DASHES[line.style ?? 'solid']}
            />
          </svg>
          {name}
        </span>
      ))}
    </span>
  )
}

export function namesOf(lines: readonly Line[]): { name: string; line: Line }[] {
  const own = lines.filter(({ style }) => style !== 'faint' && style !== 'abandoned')
  const abandoned = lines.find(({ style }) => style === 'abandoned')
  return [
    ...own.map((line) => ({ name: line.name, line })),
    ...(abandoned ? [{ name: 'Abandoned', line: abandoned }] : []),
  ]
}
