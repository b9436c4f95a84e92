import { Switch } from '@mantine/core'
import type { OpenedCheckpoint } from '../../../contract/contract'
import type { Problem } from '../../api/problem'
import { hopesForReference, needsRepair } from './needs'
import { PlanStepRow } from './plan-step'
import { Reference } from './reference'
import classes from './repair-view.module.css'
import type { PlanStep, RepairPlan, Shapes } from './use-plan'

interface PlanStepsProps {
  checkpoint: OpenedCheckpoint
  plan: RepairPlan | undefined
  /** A newer plan is being made. */
  stale: boolean
  reference: string
  onReference: (path: string) => void
  referenceProblem: Problem | undefined
  /** Shapes given so far. */
  shapes: Shapes
  plain: boolean
  onPlain: (plain: boolean) => void
  onShape: (name: string, shape: number[] | undefined) => void
  refused: ReadonlySet<string>
  onRefuse: (step: PlanStep) => void
}

/** The plan, each step with what it rests on; none happens that was refused. */
export function PlanSteps(props: PlanStepsProps) {
  const {
    checkpoint,
    plan,
    stale,
    reference,
    onReference,
    referenceProblem,
    shapes,
    plain,
    onPlain,
    onShape,
    refused,
    onRefuse,
  } = props
  const hasPickles = checkpoint.files.some(({ kind }) => /torch|pickle/.test(kind))
  return (
    <>
      {(reference !== '' || (plan && hopesForReference(plan))) && (
        <Reference checkpoint={checkpoint} path={reference} onChange={onReference} problem={referenceProblem} />
      )}
      {(plain || hasPickles) && (
        <Switch
          label="Write plain values for objects, so that torch.load(weights_only=True) takes every file"
          checked={plain}
          onChange={(event) => onPlain(event.currentTarget.checked)}
          mb={10}
          data-testid="repair-plain"
        />
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
              given={shapes[step.subject] !== undefined}
              onShape={(shape) => onShape(step.subject, shape)}
            />
          ))}
        </ol>
      )}
    </>
  )
}
