import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useRef, useState } from 'react'
import type { RepairResult } from '../../../contract/schemas'
import { useApi, useJob } from '../../api/context'
import { AnswerProgress } from '../../ui/answer-progress'
import { ErrorPanel } from '../../ui/error-panel'
import { useCheckpoint, useWorkspace } from '../../workspace/hooks'
import { DeepCheck } from '../shared/deep-check'
import { type Answers, isDone, leftOut } from './answers'
import { Apply, type Target } from './apply'
import { PlanSteps } from './plan-steps'
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
  const { client, jobs } = useApi()
  const workspace = useWorkspace()
  const [reference, setReference] = useState('')
  const [shapes, setShapes] = useState<Shapes>({})
  const [plain, setPlain] = useState(false)
  const [worldSize, setWorldSize] = useState<number>()
  const [answers, setAnswers] = useState<Answers>(new Map())
  // A path being typed is no path yet.
  const [settled] = useDebouncedValue(reference.trim(), 300)
  const { proposed, plan, input, stale, problem, referenceProblem, ...answer } = usePlan(
    checkpoint,
    { reference: settled, shapes, plain, worldSize },
    answers,
  )
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

  const apply = async (target: Target) => {
    if (!plan) return
    const refused = leftOut(plan.plan, answers)
    const result = await jobs.start<RepairResult>(key, 'Repairing', (signal) =>
      client.repair({ ...input, refused, ...target }, { signal }),
    )
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
      <Stage number={2} title="What will be done">
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
          onAnswer={(given) => setAnswers(withAnswers(answers, given))}
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
  const next = new Map(answers)
  for (const [key, answer] of given) {
    if (answer === undefined) next.delete(key)
    else next.set(key, answer)
  }
  return next
}
