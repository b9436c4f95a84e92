import type { OpenedCheckpoint } from '../../../contract/contract'
import type { RepairPlan } from '../../../contract/schemas'
import { formatCount, ruleWords } from '../../ui/format'
import { SafeText } from '../../ui/safe-text'
import { groupByRule } from '../overview/group'
import { VerdictTag } from '../shared/verdict'
import { lostCauses, needsRepair } from './needs'
import classes from './repair-view.module.css'
import { ShapeField } from './shape-field'

/** So many reasons, and names to each, are listed. */
const LISTED = 12

interface WhatIsWrongProps {
  checkpoint: OpenedCheckpoint
  /** While it is being made, the findings are all there is to tell. */
  plan: RepairPlan | undefined
  onShape: (name: string, shape: number[]) => void
}

/** The findings in short, and those that no repair can mend with the reason. */
export function WhatIsWrong({ checkpoint, plan, onShape }: WhatIsWrongProps) {
  const groups = groupByRule(checkpoint.verification.findings)
  const verdict = plan?.verdictBefore ?? checkpoint.verification.verdict
  if (groups.length === 0 || (verdict === 'complete' && !(plan && needsRepair(plan))))
    return <p className={classes.soft}>Nothing needs repair</p>
  const causes = plan ? lostCauses(plan) : []
  return (
    <>
      <ul className={classes.wrong}>
        <li>
          <VerdictTag verdict={verdict} />
        </li>
        {groups.map(({ rule, severity, findings }) => (
          <li key={rule} data-severity={severity}>
            {ruleWords(rule)}
            {findings.length > 1 && <span className={classes.soft}> × {formatCount(findings.length)}</span>}
          </li>
        ))}
      </ul>
      {causes.length > 0 && (
        <div className={classes.unmended} data-testid="repair-unmended">
          <h3>Cannot be mended with what is here</h3>
          <ul>
            {causes.slice(0, LISTED).map(({ why, subjects, wantsShape }) => (
              <li key={why}>
                <p className={classes.why}>
                  <SafeText>{why}</SafeText>
                </p>
                {wantsShape ? <Shapeless names={subjects} onShape={onShape} /> : <Names names={subjects} />}
              </li>
            ))}
          </ul>
          {causes.length > LISTED && <p className={classes.soft}>and {formatCount(causes.length - LISTED)} more</p>}
        </div>
      )}
    </>
  )
}

/** Tensors of which only the user may know the shape. */
function Shapeless({ names, onShape }: { names: readonly string[]; onShape: WhatIsWrongProps['onShape'] }) {
  return names.map((name) => (
    <div key={name}>
      <code>
        <SafeText>{name}</SafeText>
      </code>
      <ShapeField
        subject={name}
        given={undefined}
        error={undefined}
        others={false}
        onShape={(shape) => onShape(name, shape)}
      />
    </div>
  ))
}

function Names({ names }: { names: readonly string[] }) {
  return (
    <p className={classes.names}>
      {names.slice(0, LISTED).map((name) => (
        <code key={name}>
          <SafeText>{name}</SafeText>
        </code>
      ))}
      {names.length > LISTED && <span className={classes.soft}>and {formatCount(names.length - LISTED)} more</span>}
    </p>
  )
}
