import { pathKind, resolveInside } from '../bytes/folder'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { AssayError } from '../errors'
import { finding, findingOf } from '../finding'
import type { ComponentId, StateFile } from './checkpoint'
import type { Draft } from './draft'
import { some } from './names'
import { openRenamed } from './renamed-shards'
import { byteLength } from './tensor'

/** `model-00002-of-00004.safetensors`: number, total, extension. */
export const SHARD = /-(\d{5})-of-(\d{5})\.(safetensors|bin)$/
/** Shards in one index. The largest published models have a few hundred. */
const MOST_SHARDS = 5000
/** Findings of one kind. */
const MOST_FINDINGS = 50

/** Reports shards whose index is gone: loaders start from the index. Missing numbers are missing shards. */
export function reportUnindexed(draft: Draft, files: readonly string[]): void {
  const total = files.reduce((most, path) => Math.max(most, Number(SHARD.exec(path)?.[2] ?? 0)), 0)
  const first = files[0] as string
  const index = `${first.replace(SHARD, '')}.${SHARD.exec(first)?.[3]}.index.json`
  draft.findings.push(
    finding(
      'weights/stale-index',
      index,
      `${index} is not here, but ${files.length} of ${total} shards are: loaders start from the index`,
      {
        evidence: { shards: files.length, expected: total },
        repair: 'Export the weights: the index is written anew',
      },
    ),
  )
  const have = new Set(files.map((path) => Number(SHARD.exec(path)?.[1])))
  const gone = Array.from({ length: total }, (_, i) => i + 1).filter((number) => !have.has(number))
  for (const number of gone.slice(0, MOST_FINDINGS)) {
    const shard = first.replace(/-\d{5}-of-/, `-${String(number).padStart(5, '0')}-of-`)
    const evidence = { missing: gone.length, expected: total }
    draft.findings.push(finding('weights/missing-shard', shard, `${shard} is not here`, { evidence }))
  }
}

/**
 * Opens the shards that an index maps tensors to, and compares: shards that are not there, names that leave the folder
 * (never opened), tensors that the shards do not hold or the index does not know, a wrong total. An index maps names to
 * files beside it and gives `metadata.total_size`, the sum of the tensors' bytes (transformers, `save_pretrained`).
 */
export async function openShards(draft: Draft, index: string, component: ComponentId): Promise<StateFile[]> {
  const json = await draft.openJson(index)
  const map = besideIndex(fieldsOf(fieldsOf(json)?.weight_map), index)
  if (!map) {
    if (json !== undefined) draft.findings.push(finding('file/bad-header', index, `${index} has no weight_map`))
    return []
  }
  const byShard = new Map<string, string[]>()
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') continue
    const names = byShard.get(shard)
    if (names) names.push(name)
    else byShard.set(shard, [name])
  }
  if (byShard.size > MOST_SHARDS) {
    draft.findings.push(finding('file/bad-header', index, `${index} names ${byShard.size} shards, beyond all measure`))
    return []
  }
  const missing = new Map([...byShard].filter(([shard]) => isGone(draft, shard)))
  const renamed =
    missing.size > 0
      ? await openRenamed(draft, index, missing, new Set(byShard.keys()), component)
      : new Map<string, StateFile>()
  const files: StateFile[] = []
  for (const [shard, names] of byShard) {
    const other = renamed.get(shard)
    if (other) reportRenamed(draft, index, shard, other)
    const file = other ?? (missing.has(shard) ? undefined : await openShard(draft, shard, names, index, component))
    if (file) files.push(file)
  }
  for (const shard of renamed.keys()) missing.delete(shard)
  reportMissing(draft, index, missing, files)
  compareIndex(draft, index, map, numberOf(fieldsOf(fieldsOf(json)?.metadata)?.total_size), files, byShard)
  return files
}

/** The map with paths from the checkpoint on: an index names files beside itself, and may lie in a folder. */
function besideIndex(map: Readonly<Record<string, Plain>> | undefined, index: string) {
  const folder = index.slice(0, index.lastIndexOf('/') + 1)
  if (map === undefined || folder === '') return map
  const moved: Record<string, Plain> = Object.create(null)
  for (const [name, shard] of Object.entries(map)) moved[name] = typeof shard === 'string' ? folder + shard : shard
  return moved
}

/** Whether the shard is inside the checkpoint and not there. */
function isGone({ listing }: Draft, shard: string): boolean {
  try {
    return pathKind(resolveInside(listing.root, shard)) !== 'file'
  } catch (error) {
    if (error instanceof AssayError) return false
    throw error
  }
}

/** Reports the shards that are nowhere. Where others hold all that one should, only the index is wrong. */
function reportMissing(
  draft: Draft,
  index: string,
  missing: ReadonlyMap<string, readonly string[]>,
  files: readonly StateFile[],
): void {
  const held = new Set(files.flatMap(({ tensors }) => tensors.map(({ name }) => name)))
  for (const [shard, names] of missing) {
    const count = `${names.length} ${names.length === 1 ? 'tensor' : 'tensors'} (${some(names)})`
    if (names.every((name) => held.has(name))) {
      const message = `${shard} is not here; the ${count} that ${index} says it holds ${names.length === 1 ? 'is' : 'are'} in other shards`
      draft.findings.push(finding('weights/stale-index', index, message, { evidence: { index, shard } }))
      continue
    }
    const message = `${shard} is not here; ${index} says that it holds ${count}`
    const evidence = { index, count: names.length, tensors: names.slice(0, 50) }
    draft.findings.push(finding('weights/missing-shard', shard, message, { evidence }))
  }
}

function reportRenamed(draft: Draft, index: string, shard: string, { path, tensors }: StateFile): void {
  const message = `${shard} is not here, but ${path}, which ${index} does not name, holds its ${tensors.length} tensors: loaders do not find them`
  const evidence = { index, shard, renamed: path }
  draft.findings.push(finding('weights/stale-index', index, message, { evidence }))
}

async function openShard(
  draft: Draft,
  shard: string,
  names: readonly string[],
  index: string,
  component: ComponentId,
): Promise<StateFile | undefined> {
  const evidence = { index, count: names.length, tensors: names.slice(0, 50) }
  try {
    resolveInside(draft.listing.root, shard)
  } catch (error) {
    if (!(error instanceof AssayError)) throw error
    const message = `${index} maps ${some(names)} to ${shard}, which is outside the checkpoint: it is not opened`
    draft.findings.push({ ...findingOf(error, shard), message, evidence })
    draft.findings.push(
      finding('weights/missing-shard', shard, `No shard holds ${some(names)}: ${index} points outside the checkpoint`, {
        evidence,
      }),
    )
    return undefined
  }
  return draft.open(shard, component)
}

function compareIndex(
  draft: Draft,
  index: string,
  map: Readonly<Record<string, Plain>>,
  total: number | undefined,
  files: readonly StateFile[],
  byShard: ReadonlyMap<string, readonly string[]>,
): void {
  const unread = new Set(
    files.filter(({ tensors, findings }) => tensors.length === 0 && findings.length > 0).map(({ path }) => path),
  )
  for (const file of files) {
    if (unread.has(file.path)) continue
    const held = new Set(file.tensors.map(({ name }) => name))
    const absent = (byShard.get(file.path) ?? []).filter((name) => !held.has(name))
    for (const name of absent.slice(0, MOST_FINDINGS)) {
      const message = `${index} says that ${file.path} holds ${name}, but it does not`
      draft.findings.push(
        finding('weights/stale-index', name, message, { evidence: { index, shard: file.path, absent: absent.length } }),
      )
    }
    const unlisted = [...held].filter((name) => !Object.hasOwn(map, name))
    if (unlisted.length > 0) {
      const message = `${file.path} holds ${unlisted.length} tensors that ${index} does not name (${some(unlisted)})`
      draft.findings.push(
        finding('weights/stale-index', index, message, {
          evidence: { shard: file.path, tensors: unlisted.slice(0, 50) },
        }),
      )
    }
  }
  if (total === undefined || unread.size > 0 || files.length < byShard.size) return
  const [all, distinct] = totals(files)
  if (total === all || total === distinct) return
  const message = `${index} gives a total_size of ${total} bytes, the tensors have ${all}`
  draft.findings.push(finding('weights/stale-index', index, message, { evidence: { expected: all, got: total } }))
}

/** Bytes of all tensors, and with tensors over one storage counted once: writers differ. */
function totals(files: readonly StateFile[]): [number, number] {
  let all = 0
  let distinct = 0
  const seen = new Set<string>()
  for (const { path, tensors } of files) {
    for (const tensor of tensors) {
      all += byteLength(tensor)
      const key = tensor.storage ? `${path}\0${tensor.storage.key}` : `${path}\0=${tensor.name}`
      if (!seen.has(key)) distinct += byteLength(tensor)
      seen.add(key)
    }
  }
  return [all, distinct]
}
