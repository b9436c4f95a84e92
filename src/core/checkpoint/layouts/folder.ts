import { finding } from '../../finding'
import type { StateFile } from '../checkpoint'
import type { Draft } from '../draft'
import { filesLike, type Listing, RANK } from '../listing'
import { some } from '../names'
import { type ModelFiles, markWeights, modelFiles, openWeights } from '../weights'
import { largest, missing, notApplicable, openConfig, openTokenizer } from './common'
import { foreignFolder } from './foreign'
import type { Layout } from './layout'
import { byRankName, openRankFiles } from './rank-files'
import { settleStates } from './states'

const STATE_FILE = /\.(safetensors|bin|pt|pth|ckpt|pkl|pickle|tar)$/i
/** Files of other frameworks, opened where none of the above is there: beside them they hold the same weights again. */
const OTHER_FILE = /\.(keras|h5|hdf5|msgpack|onnx|gguf|npz)$/i
const OPTIMIZER = /(^|[._-])optim(izer)?([._-]|\d|$)/i
const SCHEDULER = /(^|[._-])(lr_?)?sched(uler)?([._-]|\d|$)/i
const SCALER = /scaler/i
const RNG = /(^|[._-])(rng|random)([._-]|$)/i
/** More loose state files than this in one folder are a data set or a heap, not one checkpoint. */
const LOOSE_LIMIT = 32

/**
 * A folder that a script wrote: `save_pretrained`, or model.safetensors with training_state.pt or optimizer.pt beside it.
 * Names say which file holds the model; what the others hold, their contents say.
 */
export const folder: Layout = {
  id: 'folder',
  label: 'Model folder',
  matches: (listing) => !foreignFolder(listing) && (stateFiles(listing).length > 0 || indexes(listing).length > 0),
  async open(draft) {
    const { listing } = draft
    const chosen = modelFiles(listing)
    const states = stateFiles(listing)
    const claimed = new Set([...(chosen?.files ?? []), ...(chosen?.unread ?? [])])
    const weights = await openModel(draft, chosen, claimed)
    const loose = states.filter((path) => !claimed.has(path) && (weights.length === 0 || isLoose(path)))
    const groups = byRankName(loose)
    for (const paths of groups.slice(0, LOOSE_LIMIT)) {
      const role = roleOf(paths[0] as string, weights.length > 0)
      await openRankFiles(draft, paths, role)
    }
    const rest = groups[LOOSE_LIMIT]?.[0]
    if (rest !== undefined) {
      const message = `${listing.name} holds ${loose.length} state files; the first ${groups.slice(0, LOOSE_LIMIT).flat().length} are opened`
      draft.findings.push(finding('file/unknown-format', rest, message, { severity: 'info' }))
    }
    if (!chosen && weights.length === 0) {
      const held = new Set(draft.holders('weights').map(({ path }) => path))
      const paths = new Set(groups.filter((group) => group.some((path) => held.has(path))).flat())
      const found = draft.files.filter(({ path }) => paths.has(path))
      markWeights(draft, found, 'weights', `None of ${some(states)} holds weights`)
    }
    await openConfig(draft, configAbsent(draft))
    await openTokenizer(draft, notApplicable('No tokenizer files; not every model has one'))
    settleStates(draft, `in ${listing.name}`)
    countRankFiles(draft, states)
    if (draft.holders('trainer').length > 0 || draft.holders('optimizer').length > 0) draft.label = 'Training folder'
  },
}

/** Without a file of a standard name, every .safetensors file is part of the model. */
async function openModel(
  draft: Draft,
  chosen: ModelFiles | undefined,
  claimed: Set<string>,
): Promise<readonly StateFile[]> {
  const missing = 'No model.safetensors, pytorch_model.bin or index with shards in the folder'
  if (chosen) return openWeights(draft, chosen, 'weights', missing)
  const files = stateFiles(draft.listing)
    .filter((path) => /\.safetensors$/i.test(path) && !isState(path))
    .slice(0, LOOSE_LIMIT)
  if (files.length === 0) return []
  for (const path of files) claimed.add(path)
  return openWeights(draft, { files, unread: [] }, 'weights', missing)
}

/** What a file beside the model holds, by its name. */
export function roleOf(path: string, haveWeights: boolean) {
  if (OPTIMIZER.test(path)) return 'optimizer'
  if (SCHEDULER.test(path)) return 'scheduler'
  if (SCALER.test(path)) return 'scaler'
  if (RNG.test(path)) return 'rng'
  return haveWeights ? 'trainer' : 'weights'
}

/** Beside a model, a .safetensors or .bin file is another form of it unless its name says otherwise. */
function isLoose(path: string): boolean {
  return isState(path) || /^training_/.test(path) || !/\.(safetensors|bin)$/i.test(path)
}

function isState(path: string): boolean {
  return [OPTIMIZER, SCHEDULER, SCALER, RNG].some((pattern) => pattern.test(path))
}

function stateFiles(listing: Listing): string[] {
  const files = filesLike(listing, STATE_FILE)
  return files.length > 0 ? files : filesLike(listing, OTHER_FILE)
}

function indexes(listing: Listing): string[] {
  return filesLike(listing, /\.(safetensors|bin)\.index(\.[\w-]+)?\.json$/)
}

/** Files that only transformers and its kin write call for a config.json; a bare model file does not. */
function configAbsent(draft: Draft) {
  const kin = filesLike(draft.listing, /^(generation_config\.json|tokenizer.*|special_tokens_map\.json)$/)
  if (kin.length === 0 && indexes(draft.listing).length === 0) {
    return draft.config === undefined
      ? notApplicable('No config.json; a model file by itself needs none')
      : { status: 'present' as const, note: 'Kept in the training state' }
  }
  return missing('No config.json: the shape of the model is not written down')
}

/** `model_rank0.pt` ... `model_rank3.pt`: as many processes as files. */
export function countRankFiles(draft: Draft, names: readonly string[]): void {
  const ranks = names.flatMap((name) => RANK.exec(name)?.[1] ?? []).map(Number)
  if (ranks.length > 1 && draft.worldSize === undefined) draft.worldSize = largest(ranks) + 1
}
