import type { DiffReport } from '../../api/compare'
import { formatCount } from '../../ui/format'
import { type DiffKind, RENAMED, STATUS, STATUSES } from './status'
import classes from './summary.module.css'

interface SummaryProps {
  summary: DiffReport['summary']
  asked: ReadonlySet<DiffKind>
  onToggle: (kind: DiffKind) => void
}

/** How many of each kind, of what cannot be read and what is renamed where there are any; each a filter of the table below. */
export function Summary({ summary, asked, onToggle }: SummaryProps) {
  const { moved = 0 } = summary
  const told = STATUSES.filter((status) => status !== 'unread' || summary.unread > 0)
  const kinds = told.map((status) => ({ kind: status as DiffKind, count: summary[status], ...STATUS[status] }))
  if (moved > 0) kinds.push({ kind: 'moved', count: moved, ...RENAMED })
  return (
    <fieldset className={classes.summary} aria-label="Differences by kind">
      {kinds.map(({ kind, count, word, tone, means }) => (
        <button
          key={kind}
          type="button"
          className={classes.count}
          data-tone={tone}
          data-none={count === 0}
          data-testid={`compare-summary-${kind}`}
          data-count={count}
          aria-pressed={asked.has(kind)}
          title={means}
          onClick={() => onToggle(kind)}
        >
          <strong>{formatCount(count)}</strong>
          <span>{word}</span>
        </button>
      ))}
    </fieldset>
  )
}
