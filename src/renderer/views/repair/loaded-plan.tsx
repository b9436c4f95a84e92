import { IconX } from '@tabler/icons-react'
import { useEffect, useRef } from 'react'
import { formatCount, plural } from '../../ui/format'
import { IconAction } from '../../ui/icon-action'
import { SafeText } from '../../ui/safe-text'
import classes from './loaded-plan.module.css'
import type { Fit } from './plan-file'

/** So many reasons are listed. */
const LISTED = 12

interface LoadedPlanProps {
  name: string
  /** Undefined while the plan that it is fitted to is being made. */
  fit: Fit | undefined
  /** Another checkpoint was given to go by. */
  hasReference: boolean
  onTakeBack: () => void
}

/** What of a plan from a file holds here, and what does not fit any more. */
export function LoadedPlan({ name, fit, hasReference, onTakeBack }: LoadedPlanProps) {
  const { taken = 0, unlisted = 0, misfits = [] } = fit ?? {}
  const box = useRef<HTMLDivElement>(null)
  // It may have been dropped while one looked elsewhere.
  useEffect(() => box.current?.scrollIntoView({ block: 'nearest' }), [])
  return (
    <div
      ref={box}
      className={classes.loaded}
      data-testid="loaded-plan"
      data-taken={fit && taken}
      data-misfits={fit && misfits.length}
    >
      <div className={classes.body}>
        <p role="status">
          <strong>
            <SafeText>{name}</SafeText>
          </strong>
          {fit ? toldOf(fit) : ': fitting it to this checkpoint…'}
        </p>
        {misfits.length > 0 && (
          <>
            <ul>
              {misfits.slice(0, LISTED).map((why) => (
                <li key={why}>
                  <SafeText>{why}</SafeText>
                </li>
              ))}
            </ul>
            {misfits.length > LISTED && <p>and {formatCount(misfits.length - LISTED)} more</p>}
            {!hasReference && <p>If it was made with a reference, give that below: the rest is fitted again.</p>}
          </>
        )}
        {unlisted > 0 && (
          <p>
            {plural(unlisted, 'step')} that it does not list {unlisted === 1 ? 'is' : 'are'} refused.
          </p>
        )}
      </div>
      <IconAction
        label="Take the answers of this plan back"
        size={22}
        onClick={onTakeBack}
        data-testid="loaded-plan-back"
      >
        <IconX size={14} />
      </IconAction>
    </div>
  )
}

function toldOf({ taken, unlisted, misfits }: Fit): string {
  const held = `: ${taken === 0 ? 'no answer' : plural(taken, 'answer')} ${taken < 2 ? 'was' : 'were'} taken`
  if (misfits.length > 0) return `${held}; what it says in ${plural(misfits.length, 'place')} does not fit any more:`
  if (taken > 0) return `${held}, and all of it fits.`
  return unlisted > 0 ? ' leaves steps out.' : ' says the same as what is proposed.'
}
