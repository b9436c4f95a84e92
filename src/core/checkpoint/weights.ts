import type { ComponentId, ComponentStatus, StateFile } from './checkpoint'
import type { Draft } from './draft'
import { filesLike, type Listing } from './listing'
import { some } from './names'
import { openShards, reportUnindexed, SHARD } from './shards'
import { numel, type Tensor } from './tensor'

/** Base names of model files, in the order in which transformers and diffusers prefer them. */
const BASES = ['model', 'diffusion_pytorch_model', 'pytorch_model', 'adapter_model']

/** What transformers calls one model, in safetensors and in .bin. */
const MODEL: readonly string[] = ['model', 'pytorch_model']

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
      const names = namesOf(base, extension)
      const plain = filesLike(listing, names.plain)
      const index = filesLike(listing, names.index)
      const shards = filesLike(listing, names.shards)
      const variants = filesLike(listing, names.variants).filter((f) => !SHARD.test(f))
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

interface Names {
  readonly plain: RegExp
  readonly index: RegExp
  readonly shards: RegExp
  readonly variants: RegExp
}

const known = new Map<string, Names>()

/** What files of this base and extension are called. A run asks for the same names at each of its checkpoints. */
function namesOf(base: string, extension: string): Names {
  const names = known.get(`${base}.${extension}`) ?? {
    plain: new RegExp(`^${base}\\.${extension}$`),
    index: new RegExp(`^${base}(\\.[\\w-]+)?\\.${extension}\\.index(\\.[\\w-]+)?\\.json$`),
    shards: new RegExp(`^${base}(\\.[\\w-]+)?-\\d{5}-of-\\d{5}\\.${extension}$`),
    variants: new RegExp(`^${base}\\.[\\w-]+\\.${extension}$`),
  }
  known.set(`${base}.${extension}`, names)
  return names
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
    if (chosen?.files.some((path) => SHARD.test(path))) reportUnindexed(draft, chosen.files)
  }
  markWeights(draft, files, component, missing, chosen?.index)
  const { status, files: held } = draft.component(component)
  for (const path of othersOf(draft.listing, files)) await draft.passOver(path)
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

/** Files of one model that are opened beside those that are read. */
const MOST_OTHERS = 256

/**
 * Files by whose names the same weights are in them as in `files`: shards beside the one file that loaders prefer, shards of
 * another number, the other format. Variants such as `.fp16.` may differ by design and are none of them.
 */
function othersOf(listing: Listing, files: readonly StateFile[]): string[] {
  const base = /^(\w+?)(-\d{5}-of-\d{5})?\.(safetensors|bin)$/.exec(files[0]?.path ?? '')?.[1]
  if (base === undefined || !BASES.includes(base)) return []
  const bases = MODEL.includes(base) ? MODEL : [base]
  const read = new Set(files.map(({ path }) => path))
  return filesLike(listing, new RegExp(`^(${bases.join('|')})(-\\d{5}-of-\\d{5})?\\.(safetensors|bin)$`))
    .filter((path) => !read.has(path))
    .slice(0, MOST_OTHERS)
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
  draft.mark(component, status, paths, status === 'present' ? undefined : (lost ?? unread(files, held) ?? missing))
}

/** Why files that are here hold nothing. */
function unread(files: readonly StateFile[], held: boolean): string | undefined {
  if (held) return undefined
  return files.flatMap(({ findings }) => findings).find(({ rule }) => rule === 'file/unknown-format')?.message
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
