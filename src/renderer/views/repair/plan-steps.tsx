import { Button, NumberInput, Select, Switch } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { type ReactNode, type RefObject, useEffect, useRef, useState } from 'react'
import type { OpenedCheckpoint } from '../../../contract/contract'
import type { PlanStep, RepairPlan } from '../../../contract/schemas'
import type { Problem } from '../../api/problem'
import { formatCount, plural } from '../../ui/format'
import { Pending } from '../../ui/pending'
import { visible } from '../../ui/safe-text'
import { useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { type Answers, isDone, keyedSteps } from './answers'
import { hopesForReference, isTold, needsRepair } from './needs'
import { PlanStepRow } from './plan-step'
import { Reference } from './reference'
import classes from './repair-view.module.css'
import type { PlanInput, Shapes } from './use-plan'

interface PlanStepsProps {
  checkpoint: OpenedCheckpoint
  /** As Assay proposes it, and with the answers. */
  proposed: RepairPlan | undefined
  plan: RepairPlan | undefined
  /** What the plan was asked for with. */
  input: PlanInput
  /** A newer plan is being made. */
  stale: boolean
  /** How far that is. */
  progress: ReactNode
  /** There is none yet. */
  pending: boolean
  reference: string
  onReference: (path: string) => void
  referenceProblem: Problem | undefined
  /** Shapes given so far. */
  shapes: Shapes
  plain: boolean
  onPlain: (plain: boolean) => void
  /** As many processes as are to resume. */
  worldSize: number | undefined
  onWorldSize: (worldSize: number | undefined) => void
  onShape: (name: string, shape: number[] | undefined) => void
  answers: Answers
  onAnswer: (answers: readonly (readonly [key: string, answer: string | undefined])[]) => void
}

/** So many steps are listed before one asks for the rest. */
const LISTED = 100

/** The plan, each step with what it rests on; none happens that was refused. */
export function PlanSteps(props: PlanStepsProps) {
  const { checkpoint, proposed, plan, input, stale, progress, pending, reference, onReference, referenceProblem } =
    props
  const { shapes, plain, onPlain, worldSize, onWorldSize, onShape, answers, onAnswer } = props
  const hasRanks = keepsStatesOfRanks(checkpoint)
  const list = useRef<HTMLOListElement>(null)
  const hasPickles = checkpoint.files.some(({ kind }) => /torch|pickle/.test(kind))
  const now = new Map(plan ? keyedSteps(plan.plan).map(({ key, step }) => [key, step]) : [])
  const steps = proposed ? keyedSteps(proposed.plan).filter(({ step }) => !isTold(step, proposed, shapes)) : []
  const [all, setAll] = useSought(steps, list)
  return (
    <>
      <Reference checkpoint={checkpoint} path={reference} onChange={onReference} problem={referenceProblem} />
      {(plain || hasPickles || hasRanks) && (
        <div className={classes.options}>
          {(plain || hasPickles) && (
            <Switch
              label="Plain values for objects, so that torch.load(weights_only=True) takes every file"
              checked={plain}
              onChange={(event) => onPlain(event.currentTarget.checked)}
              data-testid="repair-plain"
            />
          )}
          {hasRanks && (
            <div className={classes.processes} title="Random states are made for as many">
              <span aria-hidden>Processes that resume</span>
              <NumberInput
                aria-label="Processes that resume"
                value={worldSize ?? ''}
                onChange={(value) => onWorldSize(typeof value === 'number' ? value : undefined)}
                min={1}
                max={1024}
                allowDecimal={false}
                size="xs"
                w={110}
                placeholder="as many"
                data-testid="repair-world-size"
              />
            </div>
          )}
        </div>
      )}
      {pending && <Pending lines={3} label="Making a plan" />}
      {progress}
      {proposed && steps.length === 0 && (
        <p className={classes.soft}>
          {!needsRepair(proposed)
            ? reference === ''
              ? 'Nothing needs to be done as far as can be seen. What is missing may show against a reference.'
              : 'Nothing needs to be done.'
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
          <ol className={classes.steps} aria-busy={stale} ref={list}>
            {(all ? steps : steps.slice(0, LISTED)).map(({ key, step }) => (
              <PlanStepRow
                key={key}
                proposed={step}
                step={now.get(key) ?? step}
                answer={answers.get(key)}
                given={shapes[step.subject]}
                input={input}
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

/** Only Trainer and Accelerate keep a file of random states for each process, which others may be made for. */
export function keepsStatesOfRanks({ layout, verification }: OpenedCheckpoint): boolean {
  const rng = verification.components.find(({ id }) => id === 'rng')
  return (layout === 'trainer' || layout === 'accelerate') && rng !== undefined && rng.status !== 'not-applicable'
}

/**
 * Brings the step into sight that another view has sent for, and walks from step to step with `.` and `,`.
 * @returns whether all steps are listed, and the way to list them
 */
function useSought(
  steps: readonly { readonly step: PlanStep }[],
  list: RefObject<HTMLOListElement | null>,
): [all: boolean, setAll: (all: boolean) => void] {
  const workspace = useWorkspace()
  const { sought } = useWorkspaceState()
  const [all, setAll] = useState(false)
  useEffect(() => {
    if (!sought || steps.length === 0) return
    const at = steps.findIndex(({ step }) =>
      step.about?.some(({ rule, subject }) => sought.some((each) => each.rule === rule && each.subject === subject)),
    )
    if (at >= LISTED && !all) return setAll(true)
    if (at >= 0) goTo(list.current, at)
    workspace.found()
  }, [sought, steps, all, list, workspace])
  const move = (by: number) => () => {
    const rows = [...(list.current?.children ?? [])]
    const at = rows.findIndex((row) => row.contains(document.activeElement))
    goTo(list.current, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by)
  }
  useHotkeys([
    ['.', move(1)],
    [',', move(-1)],
  ])
  return [all, setAll]
}

function goTo(list: HTMLOListElement | null, at: number): void {
  const row = list?.children[at]
  if (!(row instanceof HTMLElement)) return
  row.focus({ preventScroll: true })
  row.scrollIntoView({ block: 'nearest' })
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
