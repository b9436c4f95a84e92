import { joinPath, pathKind, resolveInside } from '../bytes/folder'
import { fieldsOf, numberOf, type Plain } from '../decode/plain'
import { AssayError } from '../errors'
import { finding, findingOf } from '../finding'
import type { ComponentId, ComponentStatus, StateFile } from './checkpoint'
import type { Draft } from './draft'
import { filesLike, type Listing } from './listing'
import { some } from './names'
import { byteLength, numel, type Tensor } from './tensor'

/** Base names of model files, in the order in which transformers and diffusers prefer them. */
const BASES = ['model', 'diffusion_pytorch_model', 'pytorch_model', 'adapter_model']
const SHARD = /-(\d{5})-of-(\d{5})\.(safetensors|bin)$/

/** The files a loader would take the weights from: an index with its shards, or one file, or shards without an index. */
export interface ModelFiles {
  readonly index?: string
  readonly files: readonly string[]
  /** Further files of the same weights, which a loader passes over. */
  readonly unread: readonly string[]
}

/**
 * Picks the model files of a folder as transformers does (modeling_utils.py): safetensors before .bin, a single file before
 * an index. `model.fp16.safetensors` and the like count when there is no plain one.
 */
export function modelFiles(listing: Listing, bases: readonly string[] = BASES): ModelFiles | undefined {
  const candidates: ModelFiles[] = []
  for (const extension of ['safetensors', 'bin']) {
    for (const base of bases) {
      const plain = filesLike(listing, new RegExp(`^${base}\\.${extension}$`))
      const index = filesLike(listing, new RegExp(`^${base}(\\.[\\w-]+)?\\.${extension}\\.index(\\.[\\w-]+)?\\.json$`))
      const shards = filesLike(listing, new RegExp(`^${base}(\\.[\\w-]+)?-\\d{5}-of-\\d{5}\\.${extension}$`))
      const variants = filesLike(listing, new RegExp(`^${base}\\.[\\w-]+\\.${extension}$`)).filter(
        (f) => !SHARD.test(f),
      )
      if (plain[0]) candidates.push({ files: plain, unread: [] })
      if (index[0]) candidates.push({ index: index[0], files: [], unread: [] })
      else if (shards.length > 0) candidates.push({ files: shards, unread: [] })
      if (variants[0]) candidates.push({ files: [variants[0]], unread: variants.slice(1) })
    }
  }
  const [first, ...rest] = candidates
  return (
    first && { ...first, unread: [...first.unread, ...rest.flatMap(({ index, files }) => (index ? [index] : files))] }
  )
}

/** Opens the model files and marks `component` by what came of it. */
export async function openWeights(
  draft: Draft,
  chosen: ModelFiles | undefined,
  component: ComponentId,
  missing: string,
): Promise<StateFile[]> {
  const files: StateFile[] = []
  if (chosen?.index) files.push(...(await openShards(draft, chosen.index, component)))
  else {
    for (const path of chosen?.files ?? []) files.push(await draft.open(path, component))
    if (chosen?.files.some((path) => SHARD.test(path))) unindexed(draft, chosen.files)
  }
  markWeights(draft, files, component, missing, chosen?.index)
  const { status, files: held } = draft.component(component)
  if (chosen && chosen.unread.length > 0 && status === 'present') {
    draft.mark(
      component,
      status,
      held,
      `${some(chosen.unread)} not read: loaders prefer ${chosen.index ?? chosen.files[0]}`,
    )
  }
  return files
}

/**
 * Marks weights (or an adapter): `missing` when nothing of them can be read, `damaged` when part of them cannot.
 * Whether they are what they should be is for the rules to say.
 */
export function markWeights(
  draft: Draft,
  files: readonly StateFile[],
  component: ComponentId,
  missing: string,
  index?: string,
): void {
  const paths = [...(index ? [index] : []), ...files.map(({ path }) => path)]
  const own = (tensor: Tensor) => tensor.component === component
  const held = files.some(({ tensors }) => tensors.some(own))
  const readable = files.some(({ tensors }) => {
    return tensors.some((tensor) => own(tensor) && (tensor.blocks.length > 0 || numel(tensor.shape) === 0))
  })
  const lost = (draft.findings.find(({ rule }) => SHARDING.has(rule)) ?? firstDamage(files))?.message
  let status: ComponentStatus = 'present'
  if (!held || (!readable && lost)) status = 'missing'
  else if (lost) status = 'damaged'
  draft.mark(component, status, paths, status === 'present' ? undefined : (lost ?? missing))
}

const SHARDING: ReadonlySet<string> = new Set(['weights/missing-shard', 'weights/stale-index'])
const WHOLE_READABLE: ReadonlySet<string> = new Set(['file/odd-name', 'file/path-escape'])

function firstDamage(files: readonly StateFile[]) {
  return files
    .flatMap(({ findings }) => findings)
    .find(
      ({ rule, severity }) => severity === 'error' && !rule.startsWith('pickle/dangerous') && !WHOLE_READABLE.has(rule),
    )
}

/** Shards whose index is gone: loaders start from the index. Missing numbers are missing shards. */
function unindexed(draft: Draft, files: readonly string[]): void {
  const total = Math.max(...files.map((path) => Number(SHARD.exec(path)?.[2] ?? 0)))
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
  for (let i = 1; i <= total && i <= 10_000; i++) {
    if (have.has(i)) continue
    const shard = first.replace(SHARD, (_, number: string, of: string, extension: string) => {
      return `-${String(i).padStart(number.length, '0')}-of-${of}.${extension}`
    })
    draft.findings.push(finding('weights/missing-shard', shard, `${shard} is not here`))
  }
}

/**
 * Opens the shards that an index maps tensors to, and compares: shards that are not there, names that leave the folder
 * (never opened), tensors that the shards do not hold or the index does not know, a wrong total. An index maps names to
 * files beside it and gives `metadata.total_size`, the sum of the tensors' bytes (transformers, `save_pretrained`).
 */
export async function openShards(draft: Draft, index: string, component: ComponentId): Promise<StateFile[]> {
  const json = fieldsOf(await draft.openJson(index))
  const map = fieldsOf(json?.weight_map)
  if (!map) {
    if (json) draft.findings.push(finding('file/bad-header', index, `${index} has no weight_map`))
    return []
  }
  const byShard = new Map<string, string[]>()
  for (const [name, shard] of Object.entries(map)) {
    if (typeof shard !== 'string') continue
    const names = byShard.get(shard)
    if (names) names.push(name)
    else byShard.set(shard, [name])
  }
  const folder = index.includes('/') ? index.slice(0, index.lastIndexOf('/') + 1) : ''
  const files: StateFile[] = []
  for (const [shard, names] of byShard) {
    const file = await openShard(draft, `${folder}${shard}`, names, index, component)
    if (file) files.push(file)
  }
  compareIndex(draft, index, map, numberOf(fieldsOf(json?.metadata)?.total_size), files, byShard)
  return files
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
  if (pathKind(joinPath(draft.listing.root, shard)) !== 'file') {
    const message = `${shard} is not here; ${index} says that it holds ${names.length} tensors (${some(names)})`
    draft.findings.push(finding('weights/missing-shard', shard, message, { evidence }))
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
  const folder = index.includes('/') ? index.slice(0, index.lastIndexOf('/') + 1) : ''
  for (const file of files) {
    if (unread.has(file.path)) continue
    const held = new Set(file.tensors.map(({ name }) => name))
    const absent = (byShard.get(file.path.slice(folder.length)) ?? []).filter((name) => !held.has(name))
    for (const name of absent.slice(0, 20)) {
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
