import { openFile } from '../../bytes/file'
import { joinPath, pathKind } from '../../bytes/folder'
import { readBytes } from '../../bytes/source'
import { mappingOf, PyDict } from '../../decode/pickle/value'
import { AssayError } from '../../errors'
import { finding, findingOf } from '../../finding'
import type { Draft } from '../draft'
import { filesLike, foldersLike, hasFile, type Listing, listingOfFolder } from '../listing'
import { some } from '../names'
import { sectionsIn } from '../sections'
import { type OpenStateFile, openStateFile } from '../state-file'
import { isWhole, numel } from '../tensor'
import { type ZeroModel, type ZeroRank, ZeroState, zeroModel, zeroOptimizer, zeroStateDict, zeroWeights } from '../zero'
import { notApplicable, openConfig } from './common'
import type { Layout } from './layout'
import { settleStates } from './states'

const MODEL = /^(?:zero_pp_rank_(\d+)_)?mp_rank_(\d+)_model_states\.pt$/
const OPTIMIZER = /^(?:bf16_)?zero_pp_rank_(\d+)_mp_rank_(\d+)_?optim_states\.pt$/
/** Parts that are not put together: experts, layers of a pipeline. */
const OTHER = /^(?:layer_|expert_|expp_rank_).*_states\.pt$/
const LATEST = 'latest'
/** Ranks of one checkpoint; folders of one root. */
const MOST_RANKS = 100_000
const MOST_FOLDERS = 1000

/**
 * A folder of DeepSpeed: a root with `latest`, which names the folder of one save, or that folder itself, with the model states
 * and each rank's part of the optimizer (deepspeed 0.15, runtime/engine.py).
 */
export const deepspeed: Layout = {
  id: 'deepspeed',
  label: 'DeepSpeed checkpoint',
  matches: (listing) => isTag(listing) || tagsIn(listing).length > 0,
  async open(draft) {
    const { listing } = draft
    const tag = isTag(listing) ? '' : await chosenTag(draft)
    await openZero(draft, tag, { weights: true, whole: true })
    draft.mark('tokenizer', 'not-applicable', [], 'DeepSpeed saves none')
    if (hasFile(listing, 'config.json')) await openConfig(draft, notApplicable(''))
    else draft.mark('config', 'not-applicable', [], 'DeepSpeed saves no config of the model')
  },
}

/** Whether the names are those of one save. */
function isTag(listing: Listing): boolean {
  return filesLike(listing, MODEL).length > 0 || filesLike(listing, OPTIMIZER).length > 0
}

/** Folders of saves below a root of DeepSpeed, which has `latest` or the script that comes with every save; in natural order. */
export function tagsIn(listing: Listing): string[] {
  if (!hasFile(listing, LATEST) && !hasFile(listing, 'zero_to_fp32.py')) return []
  return foldersLike(listing, /^[^.]/)
    .slice(0, MOST_FOLDERS)
    .filter((folder) => {
      try {
        return isTag(listingOfFolder(joinPath(listing.root, folder)))
      } catch (error) {
        if (error instanceof AssayError) return false
        throw error
      }
    })
}

/** The folder that `latest` names, or where it names none that is here, the last one. */
async function chosenTag(draft: Draft): Promise<string> {
  const { listing } = draft
  const tags = tagsIn(listing)
  const last = tags.at(-1) as string
  const named = hasFile(listing, LATEST) ? await nameIn(draft) : undefined
  if (named === undefined || tags.includes(named)) return named ?? last
  const message = `${LATEST} names ${JSON.stringify(named)}, and no such save is here; ${last} is`
  const evidence = { file: LATEST, target: named, found: tags.slice(0, 50) }
  draft.findings.push(finding('trainer/stale-pointer', LATEST, message, { evidence }))
  return last
}

/** Names in `latest` have few characters; its size may be anything. */
const LONGEST_NAME = 4096

async function nameIn({ listing, findings }: Draft): Promise<string | undefined> {
  try {
    const source = openFile(joinPath(listing.root, LATEST), LATEST)
    try {
      return new TextDecoder().decode(await readBytes(source, 0, Math.min(source.size, LONGEST_NAME))).trim()
    } finally {
      source.close()
    }
  } catch (error) {
    findings.push(findingOf(error, LATEST))
    return undefined
  }
}

/**
 * Opens the save in the folder `tag` (empty: the checkpoint itself) and marks the optimizer; the weights where `weights` says that
 * no other file has them; and all else where the save is the `whole` checkpoint.
 */
export async function openZero(
  draft: Draft,
  tag: string,
  { weights, whole }: { readonly weights: boolean; readonly whole: boolean },
): Promise<void> {
  const folder = new TagFolder(draft, tag)
  const models = await folder.open(MODEL)
  const optimizers = await folder.open(OPTIMIZER)
  const facts = models[0] ? zeroModel(models[0].file.value) : zeroModel(undefined)
  const told = optimizers.map(({ file }) => zeroOptimizer(file.value))
  const stage = told.find((each) => each.stage !== undefined)?.stage ?? (folder.sharded ? 3 : 0)
  const highest = Math.max(folder.highest(OPTIMIZER), folder.sharded ? folder.highest(MODEL) : 0) + 1
  const worldSize = told.find(({ partitions }) => partitions)?.partitions ?? facts.worldSize ?? highest
  if (!(worldSize >= 1 && worldSize <= MOST_RANKS)) {
    tooMany(draft, folder, worldSize)
    return
  }
  const state = new ZeroState(facts, optimizers, worldSize, stage)
  const gone = stage === 0 ? [] : folder.missing(OPTIMIZER, worldSize)
  const goneModels = stage === 3 ? folder.missing(MODEL, worldSize) : []
  for (const file of goneModels.slice(0, 50)) {
    const message = `${file} is not here: the model states of one of ${worldSize} ranks; loading with DeepSpeed fails`
    const rule = facts.frozen.length > 0 ? 'weights/missing-shard' : 'trainer/incomplete-save'
    draft.findings.push(finding(rule, file, message))
  }
  const own = models[0] && modelStates(models[0], facts, state, stage, models, worldSize, weights)
  if (own) await draft.add(own)
  for (const { file } of models.slice(1)) await draft.add(withoutTensors(file))
  const optimizer = optimizerStates(optimizers, state, stage)
  reportRanks(draft, folder, gone, worldSize, optimizer.torn)
  for (const file of optimizer.files) await draft.add(file)
  draft.worldSize = Math.max(draft.worldSize ?? 0, worldSize)
  reportUnread(draft, folder)
  if (whole) {
    draft.label = `${stage > 0 ? `DeepSpeed ZeRO-${stage}` : 'DeepSpeed'} checkpoint${worldSize > 1 ? ` of ${worldSize} ranks` : ''}`
    settleStates(draft, tag === '' ? `in ${draft.listing.name}` : `in ${tag}`)
  }
  if (weights) markZeroWeights(draft, folder, own, gone, goneModels)
  const paths = optimizers.map(({ file }) => file.path)
  if (gone.length > 0 || optimizer.torn.length > 0) {
    const note = gone.length > 0 ? `${some(gone)} not here, of ${worldSize} ranks` : 'Parts of it are not in the files'
    if (optimizers.length > 0) draft.mark('optimizer', 'damaged', paths, note)
    else draft.mark('optimizer', 'missing', [], note)
  } else if (optimizers.length > 0)
    draft.markFiles(
      'optimizer',
      optimizers.map(({ file }) => file),
      notApplicable(''),
    )
}

/** The files of one save, by rank. */
class TagFolder {
  private readonly listing: Listing

  constructor(
    private readonly draft: Draft,
    readonly tag: string,
  ) {
    const { listing } = draft
    this.listing = tag === '' ? listing : listingOfFolder(joinPath(listing.root, tag))
  }

  /** Whether every rank has model states of its own, as in stage 3. */
  get sharded(): boolean {
    return filesLike(this.listing, /^zero_pp_rank_\d+_mp_rank_\d+_model_states\.pt$/).length > 0
  }

  like(pattern: RegExp): string[] {
    return filesLike(this.listing, pattern)
  }

  /** Opens the files of the first model-parallel rank, a rank each; nothing in them is taken in yet. */
  async open(pattern: RegExp): Promise<ZeroRank[]> {
    const ranks: ZeroRank[] = []
    for (const name of this.like(pattern)) {
      const [, rank, mp] = pattern.exec(name) ?? []
      if (Number(mp) !== 0) continue
      const path = this.pathOf(name)
      const file = await openStateFile(joinPath(this.draft.listing.root, path), path, 'optimizer')
      ranks.push({ rank: Number(rank ?? 0), file })
    }
    return ranks.sort((a, b) => a.rank - b.rank)
  }

  pathOf(name: string): string {
    return this.tag === '' ? name : `${this.tag}/${name}`
  }

  highest(pattern: RegExp): number {
    return this.like(pattern).reduce((most, name) => Math.max(most, Number(pattern.exec(name)?.[1] ?? 0)), 0)
  }

  /** Paths of the files that ranks should have written and that are not here. */
  missing(pattern: RegExp, worldSize: number): string[] {
    const names = this.like(pattern)
    const have = new Set(
      names.filter((name) => Number(pattern.exec(name)?.[2]) === 0).map((name) => Number(pattern.exec(name)?.[1])),
    )
    const kind = pattern === MODEL ? 'model' : 'optim'
    const example = names[0] ?? `zero_pp_rank_0_mp_rank_00_${kind}_states.pt`
    const gone = Array.from({ length: worldSize }, (_, rank) => rank).filter((rank) => !have.has(rank))
    return gone.map((rank) => this.pathOf(example.replace(/pp_rank_\d+/, `pp_rank_${rank}`)))
  }
}

/** Keys of the model states that are read apart, or describe the others. */
const DESCRIBING = new Set([
  'module',
  'buffer_names',
  'param_shapes',
  'frozen_param_shapes',
  'frozen_param_fragments',
  'shared_params',
  'sparse_tensor_module_names',
  'csr_tensor_module_names',
  'ds_config',
  'ds_version',
  'universal_checkpoint_info',
])

/** The model states of the first rank as one file with the weights, and with everything the training saved along. */
function modelStates(
  { file }: ZeroRank,
  facts: ZeroModel,
  state: ZeroState,
  stage: number,
  models: readonly ZeroRank[],
  worldSize: number,
  weights: boolean,
): OpenStateFile {
  const rest = new PyDict()
  for (const [key, value] of mappingOf(file.value) ?? []) {
    if (typeof key === 'string' && !DESCRIBING.has(key) && value !== null) rest.entries.set(key, value)
  }
  const stored = file.tensors.filter(({ name }) => name.startsWith('module.'))
  const byName = new Map(stored.map((each) => [each.name.slice(7), each]))
  // Two names of one parameter have one value, as zero_to_fp32.py takes it.
  const plain = () =>
    [...byName].map(([name, each]) => ({
      ...(byName.get(facts.shared.get(name) ?? name) ?? each),
      name,
      component: 'weights' as const,
    }))
  const tensors = !weights ? [] : stage === 3 ? zeroWeights(facts, state, models, worldSize) : plain()
  const others = file.tensors.filter(({ name }) => rest.entries.has(name.slice(0, name.indexOf('.'))))
  return { ...file, tensors: [...tensors, ...others], sections: sectionsIn(rest, 'trainer') }
}

function withoutTensors(file: OpenStateFile): OpenStateFile {
  return { ...file, inPieces: true, tensors: [], sections: [] }
}

/** The files of the optimizer; the first holds what they hold together. */
function optimizerStates(optimizers: readonly ZeroRank[], state: ZeroState, stage: number) {
  const [first, ...others] = optimizers.map(({ file }) => file)
  if (!first) return { files: [], torn: [] }
  if (stage === 0) return { files: [first, ...others], torn: [] }
  const { value, tensors, torn } = zeroStateDict(state, first.path)
  const joined = { ...first, inPieces: true as const, tensors, sections: [{ component: 'optimizer' as const, value }] }
  return { files: [joined, ...others.map(withoutTensors)], torn }
}

function reportRanks(
  draft: Draft,
  folder: TagFolder,
  gone: readonly string[],
  worldSize: number,
  torn: readonly string[],
): void {
  for (const path of gone.slice(0, 50)) {
    const lost = torn.length > 0 ? `; values of ${torn.length} parameters are lost with it (${some(torn)})` : ''
    const message = `${path} is not here: the part of the optimizer that one of ${worldSize} ranks keeps${lost}`
    const evidence = { ranks: worldSize, missing: gone.length, parameters: torn.slice(0, 1000) }
    draft.findings.push(finding('optimizer/missing-rank', path, message, { evidence }))
  }
  const beyond = folder.like(OPTIMIZER).filter((name) => Number(OPTIMIZER.exec(name)?.[1]) >= worldSize)
  if (beyond.length === 0) return
  const message = `${some(beyond)}: left over from a save by more ranks than ${worldSize}`
  draft.findings.push(finding('file/unknown-format', folder.pathOf(beyond[0] as string), message, { severity: 'info' }))
}

function markZeroWeights(
  draft: Draft,
  folder: TagFolder,
  own: OpenStateFile | undefined,
  gone: readonly string[],
  goneModels: readonly string[],
): void {
  if (!own) {
    const note = `No mp_rank_00_model_states.pt in ${folder.tag || draft.listing.name}`
    draft.mark('weights', 'missing', [], note)
    return
  }
  const weights = own.tensors.filter(({ component }) => component === 'weights')
  const held = weights.filter(({ shape, blocks }) => blocks.length > 0 || numel(shape) === 0)
  const whole = weights.filter(isWhole)
  const files = [own.path]
  if (held.length === 0) {
    const why = own.findings.find(({ severity }) => severity === 'error')?.message
    draft.mark('weights', 'missing', files, why ?? `${own.path} holds no weights`)
  } else if (whole.length < weights.length) {
    const lost = [...gone, ...goneModels]
    const cause = lost.length > 0 ? `${some(lost)} not here` : 'Parts of them are not in the files'
    draft.mark('weights', 'damaged', files, `${cause}; ${whole.length} of ${weights.length} tensors are whole`)
  } else draft.markFiles('weights', [own], notApplicable(''))
}

/** What is here and not put together: tensor-parallel pieces, experts, pipeline layers. */
function reportUnread(draft: Draft, folder: TagFolder): void {
  const pieces = folder.like(MODEL).filter((name) => Number(MODEL.exec(name)?.[2]) > 0)
  const others = folder.like(OTHER)
  const first = [...pieces, ...others][0]
  if (first === undefined) return
  const what = pieces.length > 0 ? 'tensor-parallel pieces' : 'layers or experts in files of their own'
  const message = `${some([...pieces, ...others])} hold ${what}, which Assay does not put together`
  draft.findings.push(finding('file/unknown-format', folder.pathOf(first), message))
}

function tooMany(draft: Draft, folder: TagFolder, worldSize: number): void {
  const message = `${folder.tag || draft.listing.name} says that ${worldSize} ranks wrote it, beyond all measure`
  draft.findings.push(finding('file/bad-header', folder.tag || draft.listing.name, message))
  for (const id of ['weights', 'optimizer'] as const) draft.mark(id, 'damaged', [], message)
}

/** Whether a folder below the checkpoint holds a save of DeepSpeed: `pytorch_model/` of Accelerate, `global_step10/` of the Trainer. */
export function zeroFolder({ root }: Listing, folder: string): boolean {
  return pathKind(joinPath(root, folder)) === 'folder' && isTag(listingOfFolder(joinPath(root, folder)))
}
