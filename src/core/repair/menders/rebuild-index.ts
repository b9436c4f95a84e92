import type { Checkpoint } from '../../checkpoint/checkpoint'
import type { RuleId } from '../../finding'
import { weightsOf } from '../../verify/shapes/evidence'
import { list } from '../../verify/text'
import { type ChangedFile, changedFiles } from '../changes'
import type { Context } from '../context'
import { entriesUnder, indexesOf, renamedUnder, type ShardIndex, shardsUnder } from '../shard-index'
import type { Proposal, RepairStep } from '../steps'

/** More than any model has; names may claim what they like. */
const MOST_SHARDS = 1000

/** Findings of an index that cannot be read. */
const UNREADABLE: ReadonlySet<RuleId> = new Set<RuleId>([
  'file/bad-header',
  'file/truncated',
  'file/empty',
  'file/zeroed',
])

/**
 * Writes the index of shards anew where it does not say what they hold, or where the steps before it change that. Refused
 * while a shard is missing and nothing replaces its tensors: an index without them would hide the loss.
 */
export async function rebuildIndex(context: Context, steps: readonly RepairStep[]): Promise<Proposal[]> {
  const { checkpoint, verification } = context
  const changed = changedFiles(checkpoint, steps)
  const indexes = await indexesOf(checkpoint)
  const others = steps.some(({ additions }) => additions) ? await context.neighbours() : []
  return indexes.flatMap((index) => {
    const stale = verification.findings.some(
      ({ rule, subject, evidence }) =>
        (rule === 'weights/stale-index' && (subject === index.path || evidence?.index === index.path)) ||
        (subject === index.path && UNREADABLE.has(rule)),
    )
    const moved = shardsUnder(index, checkpoint).some((file) => changed.some((each) => each.file === file))
    return stale || moved ? [proposalFor(index, context, changed, others)] : []
  })
}

/** `others`: the rest of the run, where tensors were added: they show whether what is lost has been made up for. */
function proposalFor(
  index: ShardIndex,
  context: Context,
  changed: readonly ChangedFile[],
  others: readonly Checkpoint[],
): Proposal {
  const { checkpoint } = context
  const shards = shardsUnder(index, checkpoint)
  const entries = entriesUnder(index, checkpoint, changed)
  const files = new Set(shards.map(({ path }) => path.slice(index.folder.length)))
  const held = new Set([...entries, ...shards.flatMap(({ tensors }) => tensors)].map(({ name }) => name))
  const isWhole = context.reference || others.some((other) => weightsOf(other).every(({ name }) => held.has(name)))
  const absent = isWhole || index.map.size > 0 ? [] : unnumbered(shards.map(({ path }) => path))
  const unread = shards.filter(({ tensors }) => tensors.length === 0)
  const base = {
    kind: 'rebuild-index' as const,
    subject: index.path,
    action: `Write ${index.path} anew from what the shards hold`,
    rules: ['weights/stale-index' as const, 'weights/missing-shard' as const],
    others: () => true,
    answers: (rule: RuleId, subject: string) =>
      (subject === index.path && UNREADABLE.has(rule)) ||
      (rule.startsWith('file/') && unread.some(({ path }) => path === subject)),
  }
  const gone = [...index.map.keys()].filter((name) => !held.has(name))
  const lost = gone.filter((name) => !files.has(index.map.get(name) ?? ''))
  if (lost.length > 0)
    return {
      ...base,
      confidence: 'refused',
      evidence: `A shard is missing: an index without ${list(lost)} would hide that they are lost`,
    }
  if (absent.length > 0)
    return {
      ...base,
      confidence: 'refused',
      evidence: `By the numbers in their names ${list(absent)} ${absent.length === 1 ? 'is' : 'are'} missing: an index without would hide what is lost`,
    }
  const told = new Set(index.map.values())
  const [blind] = gone.length > 0 ? unread : unread.filter(({ path }) => !told.has(path.slice(index.folder.length)))
  if (blind) return { ...base, confidence: 'refused', evidence: `${blind.path} cannot be read` }
  const facts = `${entries.length} tensors in ${files.size - unread.length} files, by their headers`
  const removed = unread.map(({ path }) => path)
  if (removed.length > 0)
    return {
      ...base,
      action: `${base.action}, and leave out ${list(removed)}, of which nothing can be read`,
      confidence: 'likely',
      evidence: `${facts}. All that ${list(removed)} held is in the others now`,
      index: index.path,
      removed,
    }
  const renamed = renamedUnder(index, checkpoint)
  if (gone.length === 0 && renamed.length > 0)
    return {
      ...base,
      confidence: 'likely',
      evidence: `${facts}. ${list(renamed)} ${renamed.length === 1 ? 'holds' : 'hold'} the very tensors that it has under another name`,
      index: index.path,
    }
  return gone.length === 0
    ? { ...base, confidence: 'certain', evidence: facts, index: index.path }
    : {
        ...base,
        confidence: 'likely',
        evidence: `${facts}; ${list(gone)} is in none and is left out`,
        index: index.path,
      }
}

/** Names of the shards that should be between those of these paths, by their numbers: `model-00002-of-00004.safetensors`. */
function unnumbered(paths: readonly string[]): string[] {
  const [first] = paths.flatMap((path) => {
    const [, stem, all, ending] = /^(.*-)\d{5}-of-(\d{5})(\.\w+)$/.exec(path) ?? []
    return stem === undefined || all === undefined || ending === undefined ? [] : [{ stem, all, ending }]
  })
  if (!first) return []
  const { stem, all, ending } = first
  const names = Array.from({ length: Math.min(Number(all), MOST_SHARDS) }, (_, i) => {
    return `${stem}${String(i + 1).padStart(5, '0')}-of-${all}${ending}`
  })
  return names.filter((name) => !paths.includes(name))
}
