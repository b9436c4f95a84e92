import { openFile } from '../../bytes/file'
import { joinPath, listFolder, pathKind } from '../../bytes/folder'
import { sha256 } from '../../bytes/sha256'
import type { Checkpoint, ComponentId } from '../../checkpoint/checkpoint'
import { TOKENIZER } from '../../checkpoint/tokenizer'
import type { RuleId } from '../../finding'
import { MISSING } from '../../verify/components'
import { list } from '../../verify/text'
import { sourceBlocks } from '../../write/output'
import { adapterConfigFit, type ConfigFit, modelConfigFit } from '../config-fit'
import type { Context } from '../context'
import { rootOf } from '../shard-index'
import { copiedFile } from '../state/file'
import type { Choice, Proposal } from '../steps'

/** Files that a training writes at each save as they are: what one save lacks, another has. */
interface Kind {
  readonly component: ComponentId
  readonly pattern: RegExp
  /** Of a config: whether it is that of the tensors here. */
  fit?(checkpoint: Checkpoint, config: Checkpoint['config']): ConfigFit
}

const KINDS: readonly Kind[] = [
  { component: 'config', pattern: /^config\.json$/, fit: modelConfigFit },
  { component: 'config', pattern: /^generation_config\.json$/ },
  { component: 'adapter', pattern: /^adapter_config\.json$/, fit: adapterConfigFit },
  { component: 'tokenizer', pattern: TOKENIZER },
]

/** Larger than any of them: vocabularies have some tens of MB. */
const LARGEST = 256 << 20

/** What another save has of the files that are lacking. */
interface Holder {
  readonly checkpoint: Checkpoint
  readonly paths: readonly string[]
  /** Digest of each, in the order of `paths`. */
  readonly digests: string
}

/**
 * Copies files that do not change in a training, and that the checkpoint lacks or has damaged, from the other saves of the run, or from
 * the reference: config.json, generation_config.json, adapter_config.json, the files of the tokenizer. Where the saves differ, and where
 * a config contradicts the tensors, it asks.
 */
export async function otherSave(context: Context): Promise<Proposal[]> {
  const { checkpoint } = context
  if (pathKind(checkpoint.path) !== 'folder') return []
  const proposals: Proposal[] = []
  for (const kind of KINDS) {
    const holders = await holdersOf(kind, context)
    if (holders.length > 0) proposals.push(proposalFor(kind, holders, context))
  }
  return proposals
}

async function holdersOf(kind: Kind, context: Context): Promise<Holder[]> {
  const { checkpoint, signal } = context
  const status = context.verification.components.find(({ id }) => id === kind.component)?.status
  const wanted = status === 'missing' || status === 'damaged'
  const sound = soundFiles(checkpoint, kind)
  const lacking = (other: Checkpoint) => soundFiles(other, kind).filter((path) => !sound.includes(path))
  const run = await context.neighbours()
  const given = context.given && !run.includes(context.given) && wanted ? [context.given] : []
  // What only some saves have may have come later, and nothing asks for it.
  if (!wanted && run.some((other) => lacking(other).length === 0)) return []
  const holders: Holder[] = []
  for (const other of [...given, ...run]) {
    const paths = lacking(other)
    if (paths.length === 0) continue
    const digests = []
    for (const path of paths) digests.push(`${path} ${await digestOf(other, path, signal)}`)
    holders.push({ checkpoint: other, paths, digests: digests.join('\n') })
  }
  return holders
}

/** Files of the kind in the folder of a checkpoint with which nothing is wrong. A training may have removed an older save by now. */
function soundFiles(checkpoint: Checkpoint, { pattern }: Kind): string[] {
  if (pathKind(checkpoint.path) === undefined) return []
  const amiss = new Set(checkpoint.findings.filter(({ severity }) => severity !== 'info').map(({ subject }) => subject))
  return listFolder(rootOf(checkpoint), 1)
    .filter(({ kind, path, size }) => kind === 'file' && pattern.test(path) && size > 0 && size <= LARGEST)
    .map(({ path }) => path)
    .filter((path) => !amiss.has(path))
}

async function digestOf(checkpoint: Checkpoint, path: string, signal?: AbortSignal): Promise<string> {
  const source = openFile(joinPath(rootOf(checkpoint), path), path)
  const hash = sha256()
  try {
    for await (const block of sourceBlocks(source, signal)) hash.update(block)
  } finally {
    source.close()
  }
  return hash.hex()
}

function proposalFor(kind: Kind, holders: readonly Holder[], context: Context): Proposal {
  const groups = new Map<string, Holder[]>()
  for (const holder of holders) groups.set(holder.digests, [...(groups.get(holder.digests) ?? []), holder])
  const choices: Doubted[] = []
  for (const group of groups.values()) choices.push(choiceFor(kind, group, context))
  const [first] = choices as [Doubted]
  const [{ paths }] = holders as [Holder]
  const [subject] = paths as [string]
  const base = { kind: 'copy-file' as const, subject, rules: [], answers: answersFor(kind, paths) }
  if (choices.length > 1) {
    const evidence = `The saves that have it differ: ${list(choices.map(({ id }) => id))}. Which of them is meant is for you to say`
    return { ...base, action: `Copy ${list(paths)} from ...`, evidence, confidence: 'ask', choices: choices.map(bare) }
  }
  const { id: _, doubt, ...step } = first
  if (doubt !== undefined)
    return { ...base, ...step, evidence: `${step.evidence}. But ${doubt}`, confidence: 'ask', choices: [bare(first)] }
  return { ...base, ...step, confidence: holders.length > 1 ? 'certain' : 'likely' }
}

/** A choice, and what speaks against it. */
type Doubted = Choice & { readonly doubt?: string }

function bare({ doubt, ...choice }: Doubted): Choice {
  return doubt === undefined ? choice : { ...choice, evidence: `${choice.evidence}. But ${doubt}` }
}

/** `group`: saves that have the same. */
function choiceFor(kind: Kind, group: readonly Holder[], context: Context): Doubted {
  const [{ checkpoint: from, paths }] = group as [Holder]
  const names = group.map(({ checkpoint }) => checkpoint.name)
  const of = from === context.given ? 'the reference' : 'of the same run'
  const same = names.length > 1 ? `${list(names)}, ${of}, have the same, byte for byte` : `${from.name}, ${of}, has it`
  const { agrees, doubt } = kind.fit?.(context.checkpoint, from.config) ?? {}
  return {
    id: from.name,
    action: `Copy ${list(paths)} from ${from.name}`,
    evidence: agrees === undefined ? same : `${same}; ${agrees}`,
    files: paths.map((path) => copiedFile(path, kind.component, from, path)),
    ...(doubt !== undefined && { doubt }),
  }
}

/** The findings about the files, and about the component that they are all of. */
function answersFor({ component }: Kind, paths: readonly string[]) {
  const missing = component === 'adapter' ? 'adapter/missing-config' : MISSING[component]
  return (rule: RuleId, subject: string) =>
    paths.includes(subject) || (rule === missing && !paths.includes('generation_config.json'))
}
