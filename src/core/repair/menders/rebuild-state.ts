import type { ComponentId } from '../../checkpoint/checkpoint'
import type { RuleId } from '../../finding'
import type { Context } from '../context'
import type { Anew } from '../state/anew'
import { factsOf } from '../state/facts'
import { rebuildOptimizer } from '../state/optimizer'
import { rebuildRng } from '../state/rng'
import { rebuildScaler } from '../state/scaler'
import { rebuildScheduler } from '../state/scheduler'
import { rebuildTrainer } from '../state/trainer'
import type { Proposal } from '../steps'

const REBUILDERS = [rebuildTrainer, rebuildOptimizer, rebuildScheduler, rebuildRng, rebuildScaler]

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
  if (!LAYOUTS.has(checkpoint.layout) || !hasModel) return []
  const facts = await factsOf(context)
  if (!facts) return []
  const files = (id: ComponentId) => verification.components.find((each) => each.id === id)?.files ?? []
  return REBUILDERS.flatMap((rebuild) => rebuild(facts, context)).map((anew) =>
    proposalFor(anew, checkpoint.name, files(anew.component)),
  )
}

function proposalFor({ component, subject, evidence, files }: Anew, name: string, own: readonly string[]): Proposal {
  const answers = (rule: RuleId, about: string) =>
    rule.startsWith(`${component}/`) || (about !== name && own.includes(about))
  const base = { subject, evidence, rules: [], answers }
  if (files.length === 0)
    return {
      ...base,
      kind: 'refuse',
      action: `Leave the ${WORDS[component] ?? component} as it is`,
      confidence: 'refused',
    }
  return {
    ...base,
    kind: 'rebuild-state',
    action: `Make ${subject} anew`,
    confidence: 'likely',
    files,
  }
}

const WORDS: { readonly [id in ComponentId]?: string } = {
  trainer: 'trainer state',
  rng: 'random states',
  scaler: 'grad scaler',
}
