import type { DiffReport } from '../../api/compare'
import { formatCount } from '../../ui/format'
import { type DiffStatus, STATUS, STATUSES } from './status'
import classes from './summary.module.css'

interface SummaryProps {
  summary: DiffReport['summary']
  asked: ReadonlySet<DiffStatus>
  onToggle: (status: DiffStatus) => void
}

/** How many of each kind; each a filter of the table below. */
export function Summary({ summary, asked, onToggle }: SummaryProps) {
  return (
    <fieldset className={classes.summary} aria-label="Differences by kind">
      {STATUSES.map((status) => (
        <button
          key={status}
          type="button"
          className={classes.count}
          data-tone={STATUS[status].tone}
          data-none={summary[status] === 0}
          data-testid={`compare-summary-${status}`}
          data-count={summary[status]}
          aria-pressed={asked.has(status)}
          title={STATUS[status].means}
          onClick={() => onToggle(status)}
        >
          <strong>{formatCount(summary[status])}</strong>
          <span>{STATUS[status].word}</span>
        </button>
      ))}
    </fieldset>
  )
}
