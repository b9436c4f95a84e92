import type { OpenedCheckpoint } from '../../../contract/contract'
import type { Problem } from '../../api/problem'
import { hopesForReference, needsRepair } from './needs'
import { PlanStepRow } from './plan-step'
import { Reference } from './reference'
import classes from './repair-view.module.css'
import type { PlanStep, RepairPlan } from './use-plan'

interface PlanStepsProps {
  checkpoint: OpenedCheckpoint
  plan: RepairPlan | undefined
  /** A newer plan is being made. */
  stale: boolean
  reference: string
  onReference: (path: string) => void
  referenceProblem: Problem | undefined
  onShape: (name: string, shape: number[] | undefined) => void
  refused: ReadonlySet<string>
  onRefuse: (step: PlanStep) => void
}

/** The plan, each step with what it rests on; none happens that was refused. */
export function PlanSteps(props: PlanStepsProps) {
  const { checkpoint, plan, stale, reference, onReference, referenceProblem, onShape, refused, onRefuse } = props
  return (
    <>
      {(reference !== '' || (plan && hopesForReference(plan))) && (
        <Reference checkpoint={checkpoint} path={reference} onChange={onReference} problem={referenceProblem} />
      )}
      {plan && plan.plan.length === 0 && (
        <p className={classes.soft}>
          {!needsRepair(plan)
            ? 'Nothing needs to be done.'
            : hopesForReference(plan)
              ? 'Nothing can be done with what is here. A reference checkpoint of the same model may help.'
              : 'Nothing can be done about it.'}
        </p>
      )}
      {plan && plan.plan.length > 0 && (
        <ol className={classes.steps} aria-busy={stale} data-stale={stale}>
          {plan.plan.map((step) => (
            <PlanStepRow
              key={`${step.kind} ${step.subject}`}
              step={step}
              refused={refused.has(step.subject + step.kind)}
              onRefuse={() => onRefuse(step)}
              onShape={(shape) => onShape(step.subject, shape)}
            />
          ))}
        </ol>
      )}
    </>
  )
}
