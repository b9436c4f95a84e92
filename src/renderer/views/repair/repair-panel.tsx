import { Button } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useRef, useState } from 'react'
import type { EditedPlan, RepairResult } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import { AnswerProgress } from '../../ui/answer-progress'
import { ErrorPanel } from '../../ui/error-panel'
import { baseName } from '../../ui/format'
import { useCheckpoint, useWorkspace, useWorkspaceState } from '../../workspace/hooks'
import { DeepCheck } from '../shared/deep-check'
import { type Answers, isDone, leftOut } from './answers'
import { Apply, type Target } from './apply'
import { LoadedPlan } from './loaded-plan'
import { helpIn, savePlan } from './plan-file'
import { keepsStatesOfRanks, PlanSteps } from './plan-steps'
import classes from './repair-view.module.css'
import { Result } from './result'
import { Stage } from './stage'
import { UndoRepair } from './undo-repair'
import { type Shapes, usePlan } from './use-plan'
import { WhatIsWrong } from './what-is-wrong'

/** What is wrong, what will be done about it, what came of it. */
export function RepairPanel() {
  const checkpoint = useCheckpoint()
  const { id, path } = checkpoint
  // Help given to one checkpoint says nothing about the next.
  return <Stages key={path} id={id} />
}

function Stages({ id }: { id: string }) {
  const checkpoint = useCheckpoint()
  const { client, jobs, bridge } = useApi()
  const workspace = useWorkspace()
  const [reference, setReference] = useState('')
  const [shapes, setShapes] = useState<Shapes>({})
  const [plain, setPlain] = useState(false)
  const [worldSize, setWorldSize] = useState<number>()
  const [own, setAnswers] = useState<Answers>(new Map())
  const [file, setFile] = useState<{ readonly name: string; readonly plan: EditedPlan }>()
  // A path being typed is no path yet.
  const [settled] = useDebouncedValue(reference.trim(), 300)
  const { proposed, plan, answers, fit, input, stale, problem, referenceProblem, ...answer } = usePlan(
    checkpoint,
    { reference: settled, shapes, plain, worldSize },
    own,
    file?.plan,
  )
  const { loaded } = useWorkspaceState()
  const progress = (
    <AnswerProgress
      {...answer}
      missing={plan ? 'what comes of it was not worked out.' : 'there is no plan.'}
      again={plan ? 'Work it out' : 'Make a plan'}
      testId="repair-planning"
    />
  )

  // By its path: a repair in place gives the checkpoint a new id.
  const key = `repair ${checkpoint.path}`
  const job = useJob<RepairResult>(key)

  const wasInPlace = job?.result?.out === checkpoint.path

  // What one has set going may end below the window.
  const end = useRef<HTMLDivElement>(null)
  const status = job?.status
  useEffect(() => {
    if (status !== undefined) end.current?.scrollIntoView({ block: 'nearest' })
  }, [status])
  const isActionable = proposed?.plan.some((step) => isDone(step) || step.confidence === 'ask')

  const giveShape = (name: string, shape: number[] | undefined) => setShapes(withShape(shapes, name, shape))

  // All that was said before is replaced by what the file says.
  useEffect(() => {
    if (!loaded || 'problem' in loaded || !proposed) return
    const given = helpIn(loaded.plan, proposed, keepsStatesOfRanks(checkpoint))
    setShapes(given.shapes)
    setWorldSize(given.worldSize)
    setAnswers(new Map())
    setFile({ name: baseName(loaded.path), plan: loaded.plan })
    workspace.tookPlan()
  }, [loaded, proposed, checkpoint, workspace])
  const load = async () => {
    const path = await bridge.choosePlan()
    if (path !== null) await workspace.loadPlan(path)
  }
  const takeBack = () => {
    setShapes({})
    setWorldSize(undefined)
    setFile(undefined)
  }

  const apply = async (target: Target) => {
    if (!plan) return
    const refused = leftOut(plan.plan, answers)
    const result = await jobs.start<RepairResult>(key, 'Repairing', (signal) =>
      client.repair({ ...input, refused, ...target }, { signal }),
    )
    if (result?.out === checkpoint.path) {
      // The file has nothing to say of what is mended; taken back, it is to be done as it was.
      setAnswers(answers)
      setFile(undefined)
    }
    if (result?.out === checkpoint.path && workspace.state().subject?.path === checkpoint.path) await workspace.reload()
  }

  return (
    <div className={classes.stages}>
      {checkpoint.undoable && !wasInPlace && (
        <div className={classes.offer} data-testid="undo-offer">
          <span>It was repaired in place. The originals lie beside it, as .backup files.</span>
          <UndoRepair key={id} jobKey={key} />
        </div>
      )}
      <Stage number={1} title="What is wrong">
        <WhatIsWrong checkpoint={checkpoint} plan={proposed} onShape={giveShape} />
        {checkpoint.tensorCount > 0 && !checkpoint.verification.deep && (
          <div className={classes.deep}>
            <DeepCheck checkpoint={checkpoint} prefix="repair-" />
          </div>
        )}
      </Stage>
      <Stage
        number={2}
        title="What will be done"
        actions={
          <>
            <Button variant="subtle" size="compact-xs" onClick={load} data-testid="plan-load">
              Load a plan…
            </Button>
            {plan && plan.plan.length > 0 && (
              <Button
                variant="subtle"
                size="compact-xs"
                disabled={stale}
                onClick={() => savePlan(checkpoint.name, plan, shapes, answers)}
                data-testid="plan-save"
              >
                Save the plan…
              </Button>
            )}
          </>
        }
      >
        {loaded && 'problem' in loaded && (
          <ErrorPanel
            problem={loaded.problem}
            actions={
              <Button variant="subtle" onClick={() => workspace.tookPlan()}>
                Dismiss
              </Button>
            }
          />
        )}
        {file && <LoadedPlan name={file.name} fit={fit} hasReference={settled !== ''} onTakeBack={takeBack} />}
        <PlanSteps
          checkpoint={checkpoint}
          proposed={proposed}
          plan={plan}
          input={input}
          stale={stale}
          progress={progress}
          pending={!plan && !problem && !answer.cancelled}
          reference={reference}
          onReference={setReference}
          referenceProblem={referenceProblem}
          shapes={shapes}
          plain={plain}
          onPlain={setPlain}
          onShape={giveShape}
          worldSize={worldSize}
          onWorldSize={setWorldSize}
          answers={answers}
          onAnswer={(given) => setAnswers(withAnswers(own, given))}
        />
        {problem && <ErrorPanel problem={problem} retry={answer.retry} />}
        {plan && isActionable && (
          <Apply
            checkpoint={checkpoint}
            plan={plan}
            ready={!stale && !problem && !referenceProblem && settled === reference.trim()}
            job={job}
            onApply={apply}
          />
        )}
      </Stage>
      {(job || isActionable) && (
        <Stage number={3} title="Result" waiting={!job}>
          <Result
            job={job}
            cancel={() => jobs.cancel(key)}
            undo={checkpoint.undoable && wasInPlace && <UndoRepair key={id} jobKey={key} />}
          />
        </Stage>
      )}
      <div ref={end} />
    </div>
  )
}

function withShape(shapes: Shapes, name: string, shape: number[] | undefined): Shapes {
  const entries = Object.entries(shapes).filter(([other]) => other !== name)
  return Object.fromEntries(shape ? [...entries, [name, shape]] : entries)
}

function withAnswers(answers: Answers, given: readonly (readonly [string, string | undefined])[]): Answers {
  return new Map([...answers, ...given])
}
