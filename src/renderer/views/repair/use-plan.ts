import { useMemo } from 'react'
import type { z } from 'zod'
import type { OpenedCheckpoint } from '../../../contract/contract'
import type { decision, EditedPlan, Finding, RepairPlan } from '../../../contract/schemas'
import { useApi } from '../../api/context'
import { useJobQuery } from '../../api/job-query'
import type { JobState } from '../../api/jobs'
import type { Problem } from '../../api/problem'
import { type Answers, decisionsOn } from './answers'
import { type Fit, fitOf } from './plan-file'

export type Shapes = Readonly<Record<string, number[]>>
type Decisions = z.infer<typeof decision>[]

/** What a repair rests on, beside the checkpoint itself. */
export interface Help {
  /** Path of a sound checkpoint of the same model; empty for none. */
  readonly reference: string
  readonly shapes: Shapes
  /** Write files as torch's default loader takes them, whatever is lost by it. */
  readonly plain: boolean
  /** As many processes as are to resume, where it is not as many as have saved. */
  readonly worldSize: number | undefined
}

/** The contract's words for it. */
function inputOf(id: string, { reference, shapes, plain, worldSize }: Help, decisions: Decisions) {
  const given = Object.entries(shapes).map(([name, shape]) => ({ name, shape }))
  return {
    id,
    ...(reference !== '' && { reference }),
    ...(given.length > 0 && { shapes: given }),
    ...(plain && { plain }),
    ...(worldSize !== undefined && { worldSize }),
    ...(decisions.length > 0 && { decisions }),
  }
}

export type PlanInput = ReturnType<typeof inputOf>

interface Planned {
  /** As Assay proposes it. */
  readonly proposed: RepairPlan | undefined
  /** The same with what the user has decided. The old one stays in sight until a new one is there. */
  readonly plan: RepairPlan | undefined
  /** The user's answers, before them those of the file. */
  readonly answers: Answers
  /** How the plan from a file fits the proposal; undefined where there is none, and while the proposal is made. */
  readonly fit: Fit | undefined
  /** What the plan was asked for with: what carries it out. */
  readonly input: PlanInput
  /** A newer plan is being made. */
  readonly stale: boolean
  /** The making of it, which may have values to read. */
  readonly job: JobState | undefined
  readonly cancelled: boolean
  /** Why the reference cannot be used; the plan is then the one without it. */
  readonly referenceProblem: Problem | undefined
  readonly problem: Problem | undefined
  readonly cancel: () => void
  readonly retry: () => void
}

/** The plan for the open checkpoint, made anew with every piece of help and every answer; those of a plan from a `file` count, too. */
export function usePlan(checkpoint: OpenedCheckpoint, help: Help, own: Answers, file: EditedPlan | undefined): Planned {
  const { id } = checkpoint
  const wanted = useProposal(checkpoint, help, [])
  const fails = help.reference !== '' && wanted.problem !== undefined
  const without = { ...help, reference: '' }
  const fallback = useProposal(checkpoint, without, [], fails)
  const [making, used] = fails ? [fallback, without] : [wanted, help]
  const proposed = making.data
  const { shapes, worldSize } = help
  const fit = useMemo(
    () => (file && proposed && !making.stale ? fitOf(file, proposed, { shapes, worldSize }) : undefined),
    [file, proposed, making.stale, shapes, worldSize],
  )
  const answers = useMemo(() => (fit ? new Map([...fit.answers, ...own]) : own), [fit, own])
  // Steps are told by their numbers, which are those of this very proposal.
  const decisions = proposed && !making.stale ? decisionsOn(proposed.plan, answers) : []
  const decided = useProposal(checkpoint, used, decisions, decisions.length > 0)
  const { job, cancelled, cancel, problem, retry } = making.stale || decisions.length === 0 ? making : decided
  return {
    proposed,
    plan: decided.data ?? proposed,
    answers,
    fit,
    input: inputOf(id, used, decisions),
    stale: making.stale || decided.stale,
    referenceProblem: fails ? wanted.problem : undefined,
    job,
    cancelled,
    problem,
    cancel,
    retry,
  }
}

function useProposal({ id, verification }: OpenedCheckpoint, help: Help, decisions: Decisions, enabled = true) {
  const { client } = useApi()
  return useJobQuery<RepairPlan>({
    // What reading every value has found makes another plan.
    queryKey: ['plan', id, verification.deep, help, decisions],
    title: 'Making a plan',
    open: (signal) => client.repairPlan(inputOf(id, help, decisions), { signal }),
    enabled,
    keeps: ([, of]) => of === id,
  })
}

const NO_HELP: Help = { reference: '', shapes: {}, plain: false, worldSize: undefined }

/** Whether the plan has a step about a finding, without any help. Asked only where a finding hopes for repair. */
export function useMendable(checkpoint: OpenedCheckpoint): (finding: Pick<Finding, 'rule' | 'subject'>) => boolean {
  const hopes = checkpoint.verification.findings.some(({ severity }) => severity !== 'info')
  const { data } = useProposal(checkpoint, NO_HELP, [], hopes)
  const steps = data?.plan.filter((step) => step.confidence !== 'refused') ?? []
  const about = new Set(steps.flatMap((step) => step.about?.map(keyOf) ?? []))
  return (finding) => about.has(keyOf(finding))
}

function keyOf({ rule, subject }: Pick<Finding, 'rule' | 'subject'>): string {
  return `${rule} ${subject}`
}
