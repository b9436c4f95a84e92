import { list } from '../../verify/text'
import { type ChangedFile, changedFiles } from '../changes'
import type { Context } from '../context'
import { entriesUnder, indexesOf, type ShardIndex, shardsUnder } from '../shard-index'
import type { Proposal, RepairStep } from '../steps'

/**
 * Writes the index of shards anew where it does not say what they hold, or where the steps before it change that. Refused
 * while a shard is missing and nothing replaces its tensors: an index without them would hide the loss.
 */
export async function rebuildIndex(context: Context, steps: readonly RepairStep[]): Promise<Proposal[]> {
  const { checkpoint, verification } = context
  const changed = changedFiles(checkpoint, steps)
  const indexes = await indexesOf(checkpoint)
  return indexes.flatMap((index) => {
    const stale = verification.findings.some(
      ({ rule, subject, evidence }) =>
        rule === 'weights/stale-index' && (subject === index.path || evidence?.index === index.path),
    )
    const moved = shardsUnder(index, checkpoint).some((file) => changed.some((each) => each.file === file))
    return stale || moved ? [proposalFor(index, context, changed)] : []
  })
}

function proposalFor(index: ShardIndex, { checkpoint }: Context, changed: readonly ChangedFile[]): Proposal {
  const shards = shardsUnder(index, checkpoint)
  const entries = entriesUnder(index, checkpoint, changed)
  const files = new Set(shards.map(({ path }) => path.slice(index.folder.length)))
  const held = new Set([...entries, ...shards.flatMap(({ tensors }) => tensors)].map(({ name }) => name))
  const base = {
    kind: 'rebuild-index' as const,
    subject: index.path,
    action: `Write ${index.path} anew from what the shards hold`,
    rules: ['weights/stale-index' as const, 'weights/missing-shard' as const],
    others: () => true,
  }
  const gone = [...index.map.keys()].filter((name) => !held.has(name))
  const lost = gone.filter((name) => !files.has(index.map.get(name) ?? ''))
  if (lost.length > 0)
    return {
      ...base,
      confidence: 'refused',
      evidence: `A shard is missing: an index without ${list(lost)} would hide that they are lost`,
    }
  const unread = shards.find(({ tensors }) => tensors.length === 0)
  if (unread) return { ...base, confidence: 'refused', evidence: `${unread.path} cannot be read` }
  const facts = `${entries.length} tensors in ${files.size} files, by their headers`
  return gone.length === 0
    ? { ...base, confidence: 'certain', evidence: facts, index: index.path }
    : {
        ...base,
        confidence: 'likely',
        evidence: `${facts}; ${list(gone)} is in none and is left out`,
        index: index.path,
      }
}
