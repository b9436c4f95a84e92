import type { OpenedCheckpoint } from '../../../contract/contract'
import { formatCount, ruleWords } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { groupByRule } from '../overview/group'
import { VerdictTag } from '../shared/verdict'
import { needsRepair } from './needs'
import classes from './repair-view.module.css'
import type { RepairPlan } from './use-plan'

/** The findings in short, and those that no repair can mend with the reason. */
export function WhatIsWrong({ checkpoint, plan }: { checkpoint: OpenedCheckpoint; plan: RepairPlan }) {
  const groups = groupByRule(checkpoint.verification.findings)
  if (groups.length === 0 || (plan.verdictBefore === 'complete' && !needsRepair(plan)))
    return <p className={classes.soft}>Nothing needs repair</p>
  const unmended = plan.unmended.filter(({ note }) => !note)
  return (
    <>
      <ul className={classes.wrong}>
        <li>
          <VerdictTag verdict={plan.verdictBefore} />
        </li>
        {groups.map(({ rule, severity, findings }) => (
          <li key={rule} data-severity={severity}>
            {ruleWords(rule)}
            {findings.length > 1 && <span className={classes.soft}> × {formatCount(findings.length)}</span>}
          </li>
        ))}
      </ul>
      {unmended.length > 0 && (
        <div className={classes.unmended} data-testid="repair-unmended">
          <h3>No repair can mend</h3>
          <ul>
            {unmended.slice(0, 12).map(({ rule, subject, why }) => (
              <li key={`${rule} ${subject}`}>
                <code>
                  <SafeText>{subject}</SafeText>
                </code>
                <span>
                  <SafeText>{why}</SafeText>
                </span>
              </li>
            ))}
          </ul>
          {unmended.length > 12 && <p className={classes.soft}>and {formatCount(unmended.length - 12)} more</p>}
        </div>
      )}
    </>
  )
}
