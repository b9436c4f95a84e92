import type { DiffReport } from '../../api/compare'
import { SafeText } from '../../ui/safe-text'
import classes from './compare-view.module.css'

export type Conclusion = NonNullable<DiffReport['conclusions']>[number]

interface ConclusionsProps {
  conclusions: readonly Conclusion[]
  /** The one whose tensors are listed. */
  chosen: Conclusion | null
  onChoose: (conclusion: Conclusion | null) => void
}

/** What the differences mean together, a sentence each; pressed, it lists the tensors that it speaks of. */
export function Conclusions({ conclusions, chosen, onChoose }: ConclusionsProps) {
  if (conclusions.length === 0) return null
  return (
    <ul className={classes.conclusions} data-testid="conclusions">
      {conclusions.map((conclusion) => (
        <li key={`${conclusion.kind} ${conclusion.text}`} data-kind={conclusion.kind}>
          {conclusion.tensors.length === 0 ? (
            <SafeText>{conclusion.text}</SafeText>
          ) : (
            <button
              type="button"
              aria-pressed={conclusion === chosen}
              title={conclusion === chosen ? 'List all differences again' : 'List these tensors'}
              onClick={() => onChoose(conclusion === chosen ? null : conclusion)}
              data-testid="conclusion"
            >
              <SafeText>{conclusion.text}</SafeText>
            </button>
          )}
        </li>
      ))}
    </ul>
  )
}
