import type { Kernel } from '../analysis/kernel'
import { referenceKernel } from '../analysis/reference'
import type { Checkpoint } from '../checkpoint/checkpoint'
import type { Tensor } from '../checkpoint/tensor'
import { AssayError } from '../errors'
import type { Finding } from '../finding'
import { Reference } from '../verify/reference'
import { diagnose } from '../verify/shapes/diagnosis'
import { weightsOf } from '../verify/shapes/evidence'
import type { Verification } from '../verify/verify'
import type { OnProgress } from '../write/output'
import type { Context, Mender } from './context'
import { type Decision, decided, refuseStrays } from './decisions'
import { plannedFiles, workOf } from './files'
import { joinOf } from './join'
import { lossesIn, stillLost, withLosses } from './losses'
import { cut } from './menders/cut'
import { joinRanks } from './menders/join-ranks'
import { lostAdapter } from './menders/lost-adapter'
import { mendMoments } from './menders/mend-moments'
import { otherSave } from './menders/other-save'
import { plain } from './menders/plain'
import { rankShard } from './menders/rank-shard'
import { rebuildIndex } from './menders/rebuild-index'
import { rebuildState } from './menders/rebuild-state'
import { rebuildWeights } from './menders/rebuild-weights'
import { refill } from './menders/refill'
import { rename } from './menders/rename'
import { reshape } from './menders/reshape'
import { retie } from './menders/retie'
import { salvage } from './menders/salvage'
import { trim } from './menders/trim'
import type { Neighbours } from './neighbours'
import { Progress } from './progress'
import { whyNotRewritable } from './rewritable'
import { Soundness } from './soundness'
import { isDone, type Proposal, type RepairPlan, type RepairStep, type Unmended } from './steps'
import { isNote, whyUnmended } from './unmended'

const MENDERS: readonly Mender[] = [
  plain,
  salvage,
  rebuildWeights,
  joinRanks,
  otherSave,
  lostAdapter,
  rename,
  reshape,
  cut,
  trim,
  retie,
  refill,
  rankShard,
  mendMoments,
  rebuildState,
]

/**
 * What can be mended, each step with its evidence, and why the rest cannot. Writes nothing; reads some values where they
 * are evidence. Throws `usage` when a decision is about no step or no choice, when `shapes` names a tensor that is not there or the reference shares no name, `cancelled`,
 * and what reading throws.
 */
export async function planRepair(
  checkpoint: Checkpoint,
  verification: Verification,
  options: {
    readonly reference?: Checkpoint
    readonly shapes?: ReadonlyMap<string, readonly number[]>
    /** Write every PyTorch file as plain values in today's form, also where something else than danger is lost by it. */
    readonly plain?: boolean
    /** How many processes are to resume from it. */
    readonly worldSize?: number
    /** What the user has decided, step by step. */
    readonly decisions?: readonly Decision[]
    /** The rest of the run; stays open as long as the plan is used. */
    readonly neighbours?: Neighbours
    readonly kernel?: Kernel
    /** What is known from plans before. */
    readonly soundness?: Soundness
    readonly signal?: AbortSignal
    /** Bytes of values read as evidence. */
    readonly onProgress?: OnProgress
  } = {},
): Promise<RepairPlan> {
  const context = contextOf(checkpoint, verification, options)
  const { decisions = [] } = options
  const proposals: Proposal[] = []
  for (const mend of MENDERS) {
    for (const proposal of await mend(context)) {
      const wanted = decided(proposal, proposals.length + 1, decisions)
      proposals.push(possible(wanted, checkpoint, proposals))
    }
  }
  for (const [i, proposal] of proposals.entries()) proposals[i] = unlessHidden(proposal, proposals, verification)
  const numbered = () => withLosses(proposals.map((proposal, i) => stepOf(proposal, i + 1)))
  for (const proposal of await rebuildIndex(context, numbered().filter(isDone)))
    proposals.push(decided(proposal, proposals.length + 1, decisions))
  refuseStrays(decisions, proposals.length)

  const about = new Map<Proposal, Finding[]>()
  const unmended = verification.findings.flatMap((finding) => {
    const answers = answersTo(finding, proposals)
    for (const each of answers) {
      const known = about.get(each)
      if (known) known.push(finding)
      else about.set(each, [finding])
    }
    return unmendedBy(finding, answers) ?? []
  })
  const plan = numbered().map((step, i) => withFindings(step, about.get(proposals[i] as Proposal)))
  const done = plan.filter(isDone)
  return {
    plan,
    unmended: asked(checkpoint, [...stillLost(done), ...unmended]),
    verdictBefore: verification.verdict,
    deep: verification.deep,
    files: done.length === 0 ? [] : plannedFiles(await workOf(checkpoint, done)),
    ...(options.worldSize !== undefined && { worldSize: options.worldSize }),
  }
}

function contextOf(
  checkpoint: Checkpoint,
  verification: Verification,
  options: NonNullable<Parameters<typeof planRepair>[2]>,
): Context {
  const { reference, shapes = new Map(), plain: asPlain = false, worldSize, neighbours, signal, onProgress } = options
  const weights = weightsOf(checkpoint)
  const names = new Set(weights.map(({ name }) => name))
  const unknown = [...shapes.keys()].find((name) => !names.has(name))
  if (unknown !== undefined)
    throw new AssayError('usage', `${checkpoint.name} has no weight called ${unknown}`, { file: checkpoint.path })
  const diagnoses = new Map(diagnose(checkpoint).map((diagnosis) => [diagnosis.tensor, diagnosis]))
  const parts = [...diagnoses.values()].filter(({ kind }) => kind === 'rank-shard')
  const lacksAdapter = verification.components.some(({ id, status }) => id === 'adapter' && status === 'missing')
  const rankFiles = new Set(parts.map(({ tensor }) => tensor.file))
  const join = joinOf(checkpoint, weights, rankFiles, reference)
  const isJoined = ({ file }: Tensor) => join !== undefined && typeof join !== 'string' && join.files.includes(file)
  return {
    checkpoint,
    verification,
    weights: weights.filter((tensor) => !isJoined(tensor)),
    diagnoses,
    rankFiles,
    ...(join !== undefined && { join }),
    losses: lossesIn(checkpoint, verification),
    shapes,
    plain: asPlain,
    ...(worldSize !== undefined && { worldSize }),
    async neighbours() {
      const own = reference && reference.layout === checkpoint.layout ? [reference] : []
      return [...own, ...((await neighbours?.list()) ?? [])]
    },
    parts: async () => (await neighbours?.parts()) ?? [],
    ...(reference && { given: reference }),
    ...(reference && !lacksAdapter && { reference: new Reference(checkpoint, reference) }),
    kernel: options.kernel ?? referenceKernel,
    soundness: options.soundness ?? new Soundness(),
    progress: new Progress(0, onProgress),
    ...(signal && { signal }),
  }
}

/** The proposal, or a refusal where a file that it changes cannot be written anew. */
function possible(proposal: Proposal, { files }: Checkpoint, before: readonly Proposal[]): Proposal {
  if (!isDone(proposal)) return proposal
  const { changes = [], additions = [], entries = [], ...rest } = proposal
  const placed = [...additions, ...entries].map(({ file }) => file)
  const paths = new Set([...changes.map(({ tensor }) => tensor.file), ...placed])
  for (const file of files) {
    const isPlain = before.some((each) => isDone(each) && each.plain?.file === file.path)
    const isSalvaged = before.some((each) => isDone(each) && each.salvage?.file === file.path)
    if (!paths.has(file.path)) continue
    const hopeless = before.find((each) => each.kind === 'salvage' && each.subject === file.path && !isDone(each))
    const why = whyNotRewritable(file, isPlain, isSalvaged)
    if (why !== undefined) return { ...rest, confidence: 'refused', evidence: hopeless?.evidence ?? why }
  }
  return proposal
}

/** The proposal, or a refusal where it would write a file with other bytes than were saved under a checksum that calls them right. */
function unlessHidden(proposal: Proposal, all: readonly Proposal[], { findings }: Verification): Proposal {
  if (!isDone(proposal) || proposal.salvage) return proposal
  const { changes = [], additions = [], entries = [], plain, ...rest } = proposal
  const written = new Set([
    ...changes.map(({ tensor }) => tensor.file),
    ...[...additions, ...entries].map(({ file }) => file),
  ])
  if (plain) written.add(plain.file)
  const damaged = findings.find(
    ({ rule, severity, subject, evidence }) =>
      rule === 'file/checksum' && severity === 'error' && evidence?.misstated === undefined && written.has(subject),
  )
  if (!damaged || all.some((each) => isDone(each) && each.salvage?.file === damaged.subject)) return proposal
  const evidence = `${damaged.message}. Written anew, the file would call them right`
  return { ...rest, confidence: 'refused', evidence }
}

function stepOf({ rules: _, others: __, answers: ___, ...step }: Proposal, number: number): RepairStep {
  return { step: number, ...step }
}

/** A config that the layout never has is asked for only while shapes are lost that it would tell. */
function asked({ components }: Checkpoint, unmended: readonly Unmended[]): readonly Unmended[] {
  const never = components.some(({ id, status }) => id === 'config' && status === 'not-applicable')
  if (!never || unmended.some(({ rule }) => rule.startsWith('weights/'))) return unmended
  return unmended.filter(({ rule }) => rule !== 'config/missing')
}

function withFindings(step: RepairStep, findings: readonly Finding[] | undefined): RepairStep {
  return findings ? { ...step, about: findings.map(({ rule, subject }) => ({ rule, subject })) } : step
}

/** The proposals that are about the finding. */
function answersTo({ rule, subject }: Finding, proposals: readonly Proposal[]): Proposal[] {
  return proposals.filter(
    (each) =>
      each.answers?.(rule, subject) === true ||
      (each.rules.includes(rule) && (each.subject === subject || each.others?.(subject) === true)),
  )
}

/** Why none of `answers`, the proposals about the finding, mends it; undefined when they do, or when there is nothing to mend. */
function unmendedBy(finding: Finding, answers: readonly Proposal[]): Unmended | undefined {
  const { rule, severity, subject } = finding
  if (severity === 'info') return undefined
  if (answers.length > 0 && answers.every(isDone)) return undefined
  const why = answers.find((each) => !isDone(each))?.evidence ?? whyUnmended(finding)
  return { rule, subject, why, ...(isNote(finding) && { note: true }) }
}
