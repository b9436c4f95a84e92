import type { DiffReport } from '../../api/compare'
import { SafeText } from '../../ui/safe-text'
import classes from './compare-view.module.css'

/** What the differences mean together, a sentence each. */
export function Conclusions({ conclusions }: { conclusions: NonNullable<DiffReport['conclusions']> }) {
  if (conclusions.length === 0) return null
  return (
    <ul className={classes.conclusions} data-testid="conclusions">
      {conclusions.map(({ kind, text }) => (
        <li key={`${kind} ${text}`} data-kind={kind}>
          <SafeText>{text}</SafeText>
        </li>
      ))}
    </ul>
  )
}
