import type { Checkpoint, ComponentId } from '../../checkpoint/checkpoint'
import type { RuleId } from '../../finding'
import type { Context } from '../context'
import type { Anew } from '../state/anew'
import { rebuildEntries } from '../state/entries'
import { type Facts, factsOf } from '../state/facts'
import { lostStates } from '../state/numbered'
import { rebuildOptimizer } from '../state/optimizer'
import { rebuildRng } from '../state/rng'
import { rebuildScaler } from '../state/scaler'
import { rebuildScheduler } from '../state/scheduler'
import { rebuildTrainer } from '../state/trainer'
import type { Proposal } from '../steps'

/** Layouts whose loaders name the files that they want. */
const LAYOUTS = new Set(['trainer', 'accelerate'])

/**
 * Makes state anew that was lost, as far as the rest of the checkpoint and the run tell what it should be: training can go
 * on from it, though not as if it never stopped, and every such file is marked.
 */
export async function rebuildState(context: Context): Promise<Proposal[]> {
  const { checkpoint, verification } = context
  const hasModel = checkpoint.components.some(
    ({ id, status }) => (id === 'weights' || id === 'adapter') && status !== 'missing' && status !== 'not-applicable',
  )
  const isFolder = LAYOUTS.has(checkpoint.layout)
  const refused = isFolder || context.worldSize === undefined ? [] : [noRanks(checkpoint)]
  if (!hasModel || (!isFolder && !isDict(context))) return refused
  const facts = await factsOf(context)
  if (!facts) return refused
  const files = (id: ComponentId) => verification.components.find((each) => each.id === id)?.files ?? []
  const made = isFolder ? rebuildFiles(facts, context) : rebuildEntries(facts)
  return [...refused, ...made.map((anew) => proposalFor(anew, checkpoint.name, files(anew.component)))]
}

function rebuildFiles(facts: Facts, context: Context): Anew[] {
  const states =
    facts.checkpoint.layout === 'accelerate'
      ? lostStates(facts, context.verification)
      : (['optimizer', 'scheduler'] as const).map((component) => ({ component, facts }))
  return [
    ...rebuildTrainer(facts),
    ...states.flatMap((each) =>
      each.component === 'optimizer' ? rebuildOptimizer(each.facts, context) : rebuildScheduler(each.facts),
    ),
    ...rebuildRng(facts, context),
    ...rebuildScaler(facts),
  ]
}

/** Whether states that are lost may have lain in a training dict, which a script has put together. */
function isDict({ checkpoint: { layout }, verification: { components } }: Context): boolean {
  const lost = components.some(({ id, status }) => STATES.has(id) && status === 'missing')
  const isWithout = components.some(({ id, status }) => UNTOLD.has(id) && status === 'not-applicable')
  return (lost || isWithout) && (layout === 'file' || layout === 'folder')
}

/** What a script may well do without: only the rest of the run tells that it was lost. */
const UNTOLD: ReadonlySet<string> = new Set(['trainer', 'scaler'])

const STATES: ReadonlySet<string> = new Set(['optimizer', 'scheduler', 'rng'])

function noRanks({ name, layoutLabel }: Checkpoint): Proposal {
  return {
    kind: 'refuse',
    subject: name,
    action: `Leave ${name} as it is`,
    evidence: `It keeps no file of random states for each process (${layoutLabel}): only Trainer and Accelerate folders do`,
    confidence: 'refused',
    rules: [],
  }
}

function proposalFor(anew: Anew, name: string, own: readonly string[]): Proposal {
  const { component, subject, evidence, doubt, files, entries = [], removed = [], lost, worldSize } = anew
  const { action = `Make ${subject} anew` } = anew
  const answers = (rule: RuleId, about: string) => {
    if (NUMBERED.test(about) && NUMBERED.test(subject)) return about === subject
    return rule.startsWith(`${component}/`) || (about !== name && own.includes(about))
  }
  const base = { subject, evidence, rules: [], answers }
  if (files.length + entries.length + removed.length === 0)
    return {
      ...base,
      kind: 'refuse',
      action: `Leave the ${WORDS[component] ?? component} as ${component === 'rng' ? 'they are' : 'it is'}`,
      confidence: 'refused',
    }
  if (doubt !== undefined) {
    const choices = [{ id: 'anew', action, evidence, files, entries }]
    return { ...base, kind: 'rebuild-state', action, evidence: doubt, confidence: 'ask', choices }
  }
  return {
    ...base,
    kind: 'rebuild-state',
    action,
    confidence: 'likely',
    files,
    ...(entries.length > 0 && { entries }),
    ...(removed.length > 0 && { removed }),
    ...(lost && { lost }),
    ...(worldSize !== undefined && { worldSize }),
  }
}

/** Files of which each has its own step. */
const NUMBERED = /^(optimizer|scheduler)(_\d+)?\.bin$/

const WORDS: { readonly [id in ComponentId]?: string } = {
  trainer: 'trainer state',
  rng: 'random states',
  scaler: 'grad scaler',
}
