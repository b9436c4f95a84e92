import { useDebouncedValue } from '@mantine/hooks'
import { useState } from 'react'
import { useApi, useJob } from '../../api/context'
import { problemOf } from '../../api/problem'
import { ErrorPanel } from '../../ui/error-panel'
import { Pending } from '../../ui/pending'
import { useCheckpoint, useWorkspace } from '../../workspace/hooks'
import { Apply, type Target } from './apply'
import { PlanSteps } from './plan-steps'
import classes from './repair-view.module.css'
import { Result } from './result'
import { Stage } from './stage'
import { UndoRepair } from './undo-repair'
import { inputOf, type RepairResult, type Shapes, usePlan } from './use-plan'
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
  const [refused, setRefused] = useState<ReadonlySet<string>>(new Set())
  // A path being typed is no path yet.
  const [settled] = useDebouncedValue(reference.trim(), 300)
  const help = { reference: settled, shapes, plain }
  const query = usePlan(id, help)
  // A reference that cannot be used takes nothing away: the plan is then the one without it, and the field says what is wrong.
  const without = usePlan(id, { ...help, reference: '' }, settled !== '' && query.isError)
  const referenceProblem = query.error && without.data && settled !== '' ? problemOf(query.error) : undefined
  const plan = query.data ?? (referenceProblem && without.data)
  // By its path: a repair in place gives the checkpoint a new id.
  const key = `repair ${checkpoint.path}`
  const job = useJob<RepairResult>(key)

  const wasInPlace = job?.result?.out === checkpoint.path

  const apply = async (target: Target) => {
    if (!plan) return
    const numbers = plan.plan.filter((step) => refused.has(step.subject + step.kind)).map(({ step }) => step)
    const result = await jobs.start<RepairResult>(key, 'Repairing', (signal) =>
      client.repair({ ...inputOf(id, help), refused: numbers, ...target }, { signal }),
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
        {(query.isPending || without.isLoading) && <Pending lines={3} label="Making a plan" />}
        {query.error && !referenceProblem && !without.isLoading && (
          <ErrorPanel problem={problemOf(query.error)} retry={() => query.refetch()} />
        )}
        {plan && <WhatIsWrong checkpoint={checkpoint} plan={plan} />}
      </Stage>
      <Stage number={2} title="What will be done">
        <PlanSteps
          checkpoint={checkpoint}
          plan={plan}
          stale={query.isPlaceholderData}
          reference={reference}
          onReference={setReference}
          referenceProblem={referenceProblem}
          shapes={shapes}
          plain={plain}
          onPlain={setPlain}
          onShape={(name, shape) => setShapes(withShape(shapes, name, shape))}
          refused={refused}
          onRefuse={(step) => setRefused(toggledIn(refused, step.subject + step.kind))}
        />
        {plan && plan.plan.length > 0 && (
          <Apply
            checkpoint={checkpoint}
            plan={plan}
            ready={!query.isPlaceholderData && !referenceProblem && settled === reference.trim()}
            job={job}
            onApply={apply}
          />
        )}
      </Stage>
      <Stage number={3} title="Result" waiting={!job}>
        <Result
          job={job}
          cancel={() => jobs.cancel(key)}
          undo={checkpoint.undoable && wasInPlace && <UndoRepair key={id} jobKey={key} />}
        />
      </Stage>
    </div>
  )
}

function withShape(shapes: Shapes, name: string, shape: number[] | undefined): Shapes {
  const entries = Object.entries(shapes).filter(([other]) => other !== name)
  return Object.fromEntries(shape ? [...entries, [name, shape]] : entries)
}

function toggledIn(set: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const next = new Set(set)
  if (!next.delete(key)) next.add(key)
  return next
}
