import { Button, Select, Switch } from '@mantine/core'
import { useState } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import type { PlanStep, RepairPlan } from '../../../contract/schemas'
import type { Problem } from '../../api/problem'
import { formatCount, plural } from '../../ui/format'
import { visible } from '../../ui/safe-text'
import { type Answers, isDone, keyedSteps } from './answers'
import { hopesForReference, isTold, needsRepair } from './needs'
import { PlanStepRow } from './plan-step'
import { Reference } from './reference'
import classes from './repair-view.module.css'
import type { Shapes } from './use-plan'

interface PlanStepsProps {
  checkpoint: OpenedCheckpoint
  /** As Assay proposes it, and with the answers. */
  proposed: RepairPlan | undefined
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
  answers: Answers
  onAnswer: (answers: readonly (readonly [key: string, answer: string | undefined])[]) => void
}

/** So many steps are listed before one asks for the rest. */
const LISTED = 100

/** The plan, each step with what it rests on; none happens that was refused. */
export function PlanSteps(props: PlanStepsProps) {
  const { checkpoint, proposed, plan, stale, reference, onReference, referenceProblem } = props
  const { shapes, plain, onPlain, onShape, answers, onAnswer } = props
  const [all, setAll] = useState(false)
  const hasPickles = checkpoint.files.some(({ kind }) => /torch|pickle/.test(kind))
  const now = new Map(plan ? keyedSteps(plan.plan).map(({ key, step }) => [key, step]) : [])
  const steps = proposed ? keyedSteps(proposed.plan).filter(({ step }) => !isTold(step, proposed, shapes)) : []
  return (
    <>
      {(reference !== '' || (proposed && hopesForReference(proposed))) && (
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
      {proposed && steps.length === 0 && (
        <p className={classes.soft}>
          {!needsRepair(proposed)
            ? 'Nothing needs to be done.'
            : hopesForReference(proposed)
              ? 'Nothing can be done with what is here. A reference checkpoint of the same model may help.'
              : 'Nothing can be done about it.'}
        </p>
      )}
      {plan && steps.length > 0 && (
        <>
          <p className={classes.soft} role="status" data-testid="repair-summary">
            {summaryOf(plan.plan, stale)}
          </p>
          <ForAll steps={steps} answers={answers} onAnswer={onAnswer} />
          <ol className={classes.steps} aria-busy={stale}>
            {(all ? steps : steps.slice(0, LISTED)).map(({ key, step }) => (
              <PlanStepRow
                key={key}
                proposed={step}
                step={now.get(key) ?? step}
                answer={answers.get(key)}
                given={shapes[step.subject]}
                onAnswer={(answer) => onAnswer([[key, answer]])}
                onShape={(shape) => onShape(step.subject, shape)}
              />
            ))}
          </ol>
          {!all && steps.length > LISTED && (
            <Button variant="subtle" size="compact-xs" onClick={() => setAll(true)}>
              Show all {formatCount(steps.length)}
            </Button>
          )}
        </>
      )}
    </>
  )
}

/** What comes of the plan as it stands. */
function summaryOf(plan: readonly PlanStep[], stale: boolean): string {
  const done = plan.filter(isDone).length
  const asks = plan.filter(({ confidence }) => confidence === 'ask').length
  const parts = [
    done > 0 ? `${plural(done, 'step')} will be done` : 'No step will be done as it stands',
    ...(asks > 0 ? [`${formatCount(asks)} ${asks === 1 ? 'needs' : 'need'} you`] : []),
  ]
  return `${parts.join(', ')}.${stale ? ' Working out what comes of it…' : ' Nothing is written yet.'}`
}

interface ForAllProps extends Pick<PlanStepsProps, 'answers' | 'onAnswer'> {
  steps: readonly { readonly key: string; readonly step: PlanStep }[]
}

/** One answer to all steps that ask the same. */
function ForAll({ steps, answers, onAnswer }: ForAllProps) {
  const asking = steps.filter(({ step }) => step.confidence === 'ask')
  const [first, ...rest] = asking.map(({ step }) => step.choices?.map(({ id }) => id) ?? [])
  const common = first?.filter((id) => rest.every((ids) => ids.includes(id))) ?? []
  if (rest.length === 0 || common.length === 0) return null
  const chosen = common.find((id) => asking.every(({ key }) => answers.get(key) === id))
  return (
    <Select
      label={`For all ${formatCount(asking.length)} that need you`}
      placeholder="Choose for each below, or one for all"
      data={common.map((id) => ({ value: id, label: visible(id) }))}
      value={chosen ?? null}
      onChange={(id) => id !== null && onAnswer(asking.map(({ key }) => [key, id]))}
      w={300}
      my={8}
      data-testid="repair-for-all"
    />
  )
}
